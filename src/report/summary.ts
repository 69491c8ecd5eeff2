import type { Decision, OpenPoint, WaitedFor } from '../contract/hold.js';
import type { Lane } from '../contract/ids.js';
import type { Digest } from '../contract/image.js';
import { digestOf, type MovedImage, type MoveOutcome, type TagState } from '../contract/move.js';
import type {
  PhaseTime,
  PinnedImage,
  ReleasePhase,
  ReleaseReport,
  ReleaseStatus,
  RollbackNotes,
  RollbackReport,
} from '../contract/release.js';
import type { BuildVerdict, TenantSmoke } from '../contract/tenants/check.js';
import type { Interruption, WatchedStretch } from '../contract/tenants/watched.js';
import { leavePhase } from '../domain/phase-times.js';

export type RunKind = 'release' | 'rollback';

/** How a run ended; a run that was `terminated` in Temporal leaves no report. */
export type RunOutcome = ReleaseReport['outcome'] | RollbackReport['outcome'] | 'terminated' | 'running';

/** Everything that is known about a run, whatever its outcome. A report is rendered from this alone. */
export interface RunRecord {
  kind: RunKind;
  sha: string;
  lane: Lane;
  namespace: string;
  workflowId: string;
  runId: string;
  /** ISO 8601. */
  started: string;
  /** ISO 8601; null while it runs. */
  ended: string | null;
  outcome: RunOutcome;
  /** Main reason: from its report, or from Temporal if the run left no report. */
  why: string;
  /** Report of an ended run; null if it could not write one. */
  report: ReleaseReport | RollbackReport | null;
  /** Status of a running run; null if no worker answered for it. */
  status: ReleaseStatus | null;
  /** Search attributes of the run, which Temporal lists without a worker. */
  listed: {
    phase: ReleasePhase | null;
    phaseSince: string | null;
    waitingFor: WaitedFor | null;
    requestedBy: string | null;
    tenantsRed: string[];
  };
  /** Build that `:latest` pointed to before this run moved it; null if no kept run records it. */
  before: string | null;
  /** Why `before` could not be asked for. */
  unlisted?: string;
  /** Whether Temporal has deleted its history, so that only what was listed is known. */
  isGone?: true;
}

/** Links of a report; each is optional. */
export interface ReportLinks {
  ui?: string | undefined;
  runbook?: string | undefined;
}

/** Content of a report, from the report of the run, its status or its search attributes. */
export interface RunSummary {
  requestedBy: string | null;
  reason: string | null;
  commitUrl: string | undefined;
  /** Promoted on the requester's authority, without a test. */
  promoteOnly: boolean;
  images: (PinnedImage | MovedImage)[];
  tenants: TenantSmoke[];
  tenantsLeftOut: number;
  /** Earlier verdict RED on the build that this run did not refute. */
  rejected: BuildVerdict | null;
  decisions: Decision[];
  notTested: OpenPoint[];
  /** Stretch in which every tenant was seen on the build; null without a proof. */
  watched: WatchedStretch | null;
  /** What was unusual about the fleet, one line each. */
  fleetNotes: string[];
  interruptions: Interruption[];
  /** What a rollback went on in spite of. */
  notes: RollbackNotes;
  phases: PhaseTime[];
  /** Current phase, or the last one that is known. */
  phase: ReleasePhase | null;
  /** Hold that it is in, or that it ended in. */
  hold: WaitedFor | null;
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
    rejected: reported.rejected ?? null,
    decisions: reported.decisions ?? status?.decisions ?? [],
    notTested: reported.notTested ?? [],
    watched: reported.watched ?? status?.watched ?? null,
    fleetNotes: reported.fleetNotes ?? status?.fleetNotes ?? [],
    interruptions: reported.interruptions ?? status?.interruptions ?? [],
    notes: notesOf(report ?? status ?? {}),
    phases,
    phase: status?.phase ?? listed.phase,
    hold:
      outcome === 'CanaryHoldExpired'
        ? (lastFinishedPhase(phases)?.hold ?? null)
        : (status?.hold?.name ?? listed.waitingFor),
  };
}

function notesOf(sent: object): RollbackNotes {
  const { laneUnavailable, warnings, notMoved }: RollbackNotes = sent;
  return { ...(laneUnavailable && { laneUnavailable }), ...(warnings && { warnings }), ...(notMoved && { notMoved }) };
}

/** Phase times of a running run: the current phase stays open. */
function openPhaseTimes({ phases, since }: ReleaseStatus, now: string): PhaseTime[] {
  return leavePhase(phases, since, now).map((time, index) => ({ ...time, until: phases[index]?.until ?? null }));
}

function lastFinishedPhase(phases: PhaseTime[]): PhaseTime | undefined {
  const later = (one: PhaseTime, other: PhaseTime) => ((other.until ?? '') > (one.until ?? '') ? other : one);
  return phases.length === 0 ? undefined : phases.reduce(later);
}

const UNMOVED: MoveOutcome[] = ['already', 'restored'];

/** Whether a run moved any image. A release of the live build moves nothing, and ends `promoted` anyway. */
export function movedAny(run: RunRecord): boolean {
  return summarizeRun(run).images.some((image) => 'result' in image && !UNMOVED.includes(image.result));
}

/** Digests of `:latest` of an image before the run, and after it as far as the run knows. */
export function latestOf(image: PinnedImage | MovedImage): { before: Digest | null; after: Digest | null } {
  return 'result' in image
    ? { before: image.previous, after: image.latest }
    : { before: image.latest, after: image.latest };
}

/** Whether the images of a promotion were where `:latest` was: by their repositories, of those that both name, for one may have been added since, or removed. */
export function wasLive(promoted: readonly TagState[], latest: readonly TagState[]): boolean {
  const both = promoted.filter(({ repository }) => latest.some((one) => one.repository === repository));
  return both.length > 0 && both.every(({ repository, digest }) => digest === digestOf(latest, repository));
}
