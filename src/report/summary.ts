import type { TenantSmoke } from '../contract/check.js';
import type { Decision, HoldName } from '../contract/hold.js';
import type { Lane } from '../contract/ids.js';
import type { Digest } from '../contract/image.js';
import type { MovedImage, MoveOutcome } from '../contract/move.js';
import type {
  PhaseTime,
  PinnedImage,
  ReleasePhase,
  ReleaseReport,
  ReleaseStatus,
  RollbackReport,
} from '../contract/release.js';
import { leavePhase } from '../domain/phase-times.js';

export type RunKind = 'release' | 'rollback';

/** How a run ended; `terminated` is Temporal's own, and leaves no report. */
export type RunOutcome = ReleaseReport['outcome'] | RollbackReport['outcome'] | 'terminated' | 'running';

/** All that is known of a run, whatever became of it. A report is rendered from this alone. */
export interface RunRecord {
  kind: RunKind;
  sha: string;
  lane: Lane;
  namespace: string;
  workflowId: string;
  runId: string;
  /** ISO 8601. */
  started: string;
  /** ISO 8601; null while it goes on. */
  ended: string | null;
  outcome: RunOutcome;
  /** The gist: of its report, or what Temporal says of a run that left none. */
  why: string;
  /** Of a run that has ended and could still write one. */
  report: ReleaseReport | RollbackReport | null;
  /** Of one that goes on, when a worker answered for it. */
  status: ReleaseStatus | null;
  /** What Temporal lists of any run. */
  listed: {
    phase: ReleasePhase | null;
    phaseSince: string | null;
    waitingFor: HoldName | null;
    requestedBy: string | null;
    tenantsRed: string[];
  };
  /** The build that `:latest` pointed at before this run moved it, where a run of it is left that says so. */
  before: string | null;
}

/** Where a report links to; both are left out when they are not configured. */
export interface ReportLinks {
  ui?: string | undefined;
  runbook?: string | undefined;
}

/** What a report says of a run, from wherever it is known. */
export interface RunSummary {
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

export function summarizeRun({ report, status, listed, outcome }: RunRecord, now = new Date()): RunSummary {
  const reported: Partial<Omit<ReleaseReport, 'outcome'>> = report ?? {};
  const openPhases = status && openPhaseTimes(status, now.toISOString());
  const phases = report?.phases ?? openPhases ?? [];
  return {
    requestedBy: reported.requestedBy ?? listed.requestedBy,
    reason: reported.reason ?? null,
    commitUrl: reported.commitUrl,
    promoteOnly: reported.promoteOnly === true,
    images: reported.images ?? status?.images ?? [],
    tenants: reported.tenants ?? status?.tenants ?? [],
    tenantsLeftOut: reported.tenantsLeftOut ?? 0,
    decisions: reported.decisions ?? status?.decisions ?? [],
    notTested: reported.notTested ?? [],
    phases,
    phase: status?.phase ?? listed.phase,
    hold:
      outcome === 'CanaryHoldExpired'
        ? (lastFinishedPhase(phases)?.hold ?? null)
        : (status?.hold?.name ?? listed.waitingFor),
  };
}

/** The phase that it is in stays open. */
function openPhaseTimes({ phases, since }: ReleaseStatus, now: string): PhaseTime[] {
  return leavePhase(phases, since, now).map((time, index) => ({ ...time, until: phases[index]?.until ?? null }));
}

function lastFinishedPhase(phases: PhaseTime[]): PhaseTime | undefined {
  const later = (one: PhaseTime, other: PhaseTime) => ((other.until ?? '') > (one.until ?? '') ? other : one);
  return phases.length === 0 ? undefined : phases.reduce(later);
}

const UNMOVED: MoveOutcome[] = ['already', 'restored'];

/** Whether a run took any image anywhere. A release of the build that is live moves nothing, and is promoted all the same. */
export function movedAny(run: RunRecord): boolean {
  return summarizeRun(run).images.some((image) => 'result' in image && !UNMOVED.includes(image.result));
}

/** Where `:latest` of an image stood before the run, and where it stands after it as far as the run knows. */
export function latestOf(image: PinnedImage | MovedImage): { before: Digest | null; after: Digest | null } {
  return 'result' in image
    ? { before: image.previous, after: image.latest }
    : { before: image.latest, after: image.latest };
}
