import type { Verdict } from './check.js';
import type { BuildSource, PlannedTenant, TenantBuild } from './release.js';
import type { Sha } from './sha.js';

/** What starts a `WatchProduction`. */
export interface WatchInput {
  sha: Sha;
  /** When the move was that it follows, ISO 8601; from its own start on without it. */
  movedAt?: string;
  /** The good build that was live before: where a rollback would go. */
  before?: Sha;
}

/** What a watch goes by. No secret is in it. */
export interface WatchPlan {
  tenants: PlannedTenant[];
  buildProbe: BuildSource[];
  /** Two update cycles. */
  watchMs: number;
  pollMs: number;
}

/** What was last seen of a production tenant. */
export interface SeenTenant extends TenantBuild {
  /** When it was first seen on the build, ISO 8601; null while it was not. */
  tookAt: string | null;
  /** Whether it passes the first read-only check of the suite. */
  live: Verdict;
  /** That check, with the status and where the answer did not fit, while it fails on a tenant that does not say that it runs another build. */
  failing?: string;
  /** The same once it has failed twice in a row. */
  red?: string;
}

/** How a watch ends. */
export const WATCH_OUTCOMES = {
  followed: 'Every production tenant runs the build and is live.',
  partly: 'Two update cycles are over, and some are behind or do not answer.',
  red: 'A tenant that took the build fails.',
  superseded: 'A newer promotion or rollback is watched instead.',
} as const;

export type WatchOutcome = keyof typeof WATCH_OUTCOMES;

/** The answer of the query `status`, and the result. */
export interface WatchReport extends WatchInput {
  outcome: WatchOutcome | 'watching';
  /** The gist, one line. */
  why: string;
  /** The command to go back with, when production is red; nothing is ever moved by a watch. */
  propose: string | null;
  tenants: SeenTenant[];
  /** ISO 8601. */
  started: string;
  /** When it will end, or ended, ISO 8601. */
  until: string | null;
}
