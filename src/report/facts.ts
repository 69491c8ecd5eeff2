import type { TenantSmoke } from '../domain/check.js';
import type { Decision, HoldName } from '../domain/hold.js';
import type { Digest } from '../domain/image.js';
import type { MovedImage, MoveOutcome } from '../domain/move.js';
import { leavePhase, type PhaseTime } from '../domain/phase-times.js';
import type { PinnedImage, ReleasePhase, ReleaseReport, ReleaseStatus } from '../domain/release.js';
import type { RunRecord } from './run-record.js';

/** What a report says of a run, from wherever it is known. */
export interface Facts {
  requestedBy: string | null;
  reason: string | null;
  commitUrl: string | undefined;
  /** The word of whoever asked stood for the test. */
  promoteOnly: boolean;
  images: (PinnedImage | MovedImage)[];
  tenants: TenantSmoke[];
  tenantsLeftOut: number;
  decisions: Decision[];
  notTested: string[];
  phases: PhaseTime[];
  /** Where it is, or was when nobody looked any more. */
  phase: ReleasePhase | null;
  /** The hold that it is in, or that it ended in. */
  hold: HoldName | null;
}

export function factsOf({ report, status, listed, outcome }: RunRecord, now = new Date()): Facts {
  const told: Partial<Omit<ReleaseReport, 'outcome'>> = report ?? {};
  const going = status && timesUntil(status, now.toISOString());
  const phases = report?.phases ?? going ?? [];
  return {
    requestedBy: told.requestedBy ?? listed.requestedBy,
    reason: told.reason ?? null,
    commitUrl: told.commitUrl,
    promoteOnly: told.promoteOnly === true,
    images: told.images ?? status?.images ?? [],
    tenants: told.tenants ?? status?.tenants ?? [],
    tenantsLeftOut: told.tenantsLeftOut ?? 0,
    decisions: told.decisions ?? status?.decisions ?? [],
    notTested: told.notTested ?? [],
    phases,
    phase: status?.phase ?? listed.phase,
    hold:
      outcome === 'CanaryHoldExpired' ? (lastLeft(phases)?.hold ?? null) : (status?.hold?.name ?? listed.waitingFor),
  };
}

/** The phase that it is in stays open. */
function timesUntil({ phases, since }: ReleaseStatus, now: string): PhaseTime[] {
  return leavePhase(phases, since, now).map((time, index) => ({ ...time, until: phases[index]?.until ?? null }));
}

function lastLeft(phases: PhaseTime[]): PhaseTime | undefined {
  const later = (one: PhaseTime, other: PhaseTime) => ((other.until ?? '') > (one.until ?? '') ? other : one);
  return phases.length === 0 ? undefined : phases.reduce(later);
}

const UNMOVED: MoveOutcome[] = ['already', 'restored'];

/** Whether a run took any image anywhere. A release of the build that is live moves nothing, and is promoted all the same. */
export function movedAny(run: RunRecord): boolean {
  return factsOf(run).images.some((image) => 'result' in image && !UNMOVED.includes(image.result));
}

/** Where `:latest` of an image stood before the run, and where it stands after it as far as the run knows. */
export function latestOf(image: PinnedImage | MovedImage): { before: Digest | null; after: Digest | null } {
  return 'result' in image
    ? { before: image.previous, after: image.latest }
    : { before: image.latest, after: image.latest };
}
