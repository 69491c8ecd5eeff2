import type { BuildSource, PlannedTenant, TenantBuild } from '../release.js';
import type { Sha } from '../sha.js';
import type { Verdict } from './check.js';

/** Input of a `WatchProduction`. */
export interface WatchInput {
  sha: Sha;
  /** Time of the move that it follows, ISO 8601; by default the start of the watch. */
  movedAt?: string;
  /** Good build that was live before: the target of a rollback. */
  before?: Sha;
}

/** Plan of a watch, fixed at its start. It contains no secret. */
export interface WatchPlan {
  tenants: PlannedTenant[];
  buildProbe: BuildSource[];
  /** Duration: two update cycles. */
  watchMs: number;
  pollMs: number;
}

/** Last observation of a production tenant. */
export interface SeenTenant extends TenantBuild {
  /** Time of its first report of the build, ISO 8601; null before. */
  tookAt: string | null;
  /** Verdict of the first read-only check of the suite. */
  live: Verdict;
  /** That check with its status and schema path, while it fails on a tenant that does not report another build. */
  failing?: string;
  /** That check as in `failing`, once it has failed twice in a row. */
  red?: string;
}

/** Outcomes of a watch, a sentence for each. */
export const WATCH_OUTCOMES = {
  followed: 'Every production tenant runs the build and is live.',
  partly: 'Two update cycles are over, and some are behind or do not answer.',
  red: 'A tenant that took the build fails.',
  superseded: 'A newer promotion or rollback is watched instead.',
} as const;

/** Outcome of a watch. */
export type WatchOutcome = keyof typeof WATCH_OUTCOMES;

/** Answer of a watch to the query `status`, and its result. */
export interface WatchReport extends WatchInput {
  outcome: WatchOutcome | 'watching';
  /** Summary, one line. */
  why: string;
  /** Rollback command, if production is red; a watch itself never moves anything. */
  propose: string | null;
  tenants: SeenTenant[];
  /** ISO 8601. */
  started: string;
  /** Deadline, or time of the end, ISO 8601. */
  until: string | null;
}
