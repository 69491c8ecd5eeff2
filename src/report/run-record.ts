import type { HoldName } from '../domain/hold.js';
import type { Lane } from '../domain/names.js';
import type { ReleasePhase, ReleaseReport, ReleaseStatus, RollbackReport } from '../domain/release.js';

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
