import type { PlannedTenant } from '../release.js';
import type { Sha } from '../sha.js';
import type { BuildSource, TenantBuild } from './build.js';
import type { Verdict } from './check.js';

/** Input of a `WatchProduction`. */
export interface WatchInput {
  sha: Sha;
  /** Time of the move that it follows, ISO 8601; by default the start of the watch. */
  movedAt?: string;
  /** Good build that was live before: the target of a rollback. */
  before?: Sha;
}

/** Longest time of each part of a delivery by a control plane, in milliseconds: until the order may go out, until its answer, and of the look for an answer that was lost. It is the limit of the control plane's own callers. */
export const DELIVERY_PART_MS = 20 * 60_000;

/** Who rolls back automatically, as the ledger names it. */
export const AUTO_ROLLBACK = 'the policy CANARY_AUTO_ROLLBACK';

/** Red or silent production tenants from which on a rollback begins: a number, or a share of those that are watched. */
export type RollbackLimit = { tenants: number } | { percent: number };

/** Plan of a watch, fixed at its start. It contains no secret. */
export interface WatchPlan {
  tenants: PlannedTenant[];
  buildProbe: BuildSource[];
  pollMs: number;
  /** How long every tenant must be seen on the build, live and without a break (`CANARY_BAKE`). */
  bakeMs: number;
  /** How long a tenant may be without an answer (`CANARY_RESTART_GRACE`). */
  graceMs: number;
  /** Bound, in watched time: two update cycles, the bake, and the same time once more for a bake that starts again. */
  watchMs: number;
  /** Time after which the run continues as new. */
  shiftMs: number;
  /** How long no worker may be able to watch; then the watch gives up. */
  awayMs: number;
  /** As in the plan of a release. */
  hidesTenants?: boolean;
  /** What happens when production turns red; absent: a rollback is proposed. */
  autoRollback?: 'off' | RollbackLimit;
  /** Whether the control plane takes the build to production (`CANARY_DELIVERY`). */
  delivers?: true;
}

/** Polls that a tenant left unanswered, since it took the build. */
export interface Silence {
  /** In a row, up to the last poll. */
  inRow: number;
  polls: number;
  /** Rows of two or more. */
  interruptions: number;
  /** Watched time without an answer, in all. */
  ms: number;
}

/** What is known of a production tenant. */
export interface SeenTenant extends TenantBuild {
  /** Time of its first report of the build, ISO 8601; null before. */
  tookAt: string | null;
  /** Verdict of the liveness check: the first read-only one of the suite that the gate has the credentials for. */
  live: Verdict;
  /** That check with its status and schema path, while it fails on a tenant that does not report another build. */
  failing?: string;
  /** Questions that it has answered: it is silent once it no longer answers one of them. */
  answered: { build: boolean; live: boolean };
  silence: Silence;
  /** Whether the last poll got no HTTP answer from it or from what is before it. */
  unreached?: true;
  /** Judge that could not judge it, while it is on the build: it proves neither health nor a fault. */
  unjudged?: string;
  /** Why it is red, to the end of the watch. */
  red?: string;
  /** ISO 8601. */
  redAt?: string;
}

/** Stretch in which every tenant was seen on the build and live. */
export interface Bake {
  /** First and last poll, ISO 8601. */
  from: string;
  to: string;
  /** Longest time between two of its polls. */
  longestGapMs: number;
}

/** What a watch has seen; each poll makes the next one of it. */
export interface WatchState {
  /** End of the last poll, ISO 8601. */
  at: string;
  /** Time watched so far, without gaps. */
  watchedMs: number;
  tenants: SeenTenant[];
  bake: Bake | null;
}

/** What a watch shows of itself between two results of its activity. */
export interface ProductionSeen {
  tenants: SeenTenant[];
  /** Begin of the current bake, ISO 8601. */
  bakingSince: string | null;
}

/** Outcomes of a watch, a sentence for each. */
export const WATCH_OUTCOMES = {
  followed: 'Every production tenant ran the build and was live for the whole bake time.',
  partly: 'The bound is over, and not every tenant ran the build and was live for the bake time.',
  red: 'A tenant fails, stopped answering, or keeps restarting.',
  superseded: 'A newer promotion or rollback is watched instead.',
} as const;

/** Outcome of a watch. */
export type WatchOutcome = keyof typeof WATCH_OUTCOMES;

/** Answer of a watch to the query `status`, and its result. */
export interface WatchReport extends WatchInput, ProductionSeen {
  outcome: WatchOutcome | 'watching';
  /** Summary, one line. */
  why: string;
  /** Rollback command, once production is red. */
  propose: string | null;
  /** What became of the automatic rollback, once the limit was reached. */
  rollback?: string;
  /** What became of the delivery by the control plane, once it has ended. */
  delivery?: string;
  /** Bake at its end, or at the last tenant that turned red. */
  bake: Bake | null;
  /** ISO 8601. */
  started: string;
  /** Bound if it is watched without a gap, or time of the end, ISO 8601. */
  until: string | null;
}
