import type { CancellationScope } from '@temporalio/workflow';
import type { LaneRequest, Revocation } from '../../src/contract/lane.js';
import type { PinnedImage, Plan, ReleaseInput, ReleasePhase } from '../../src/contract/release.js';
import type { RunContext } from '../shared/run.js';

/** What the phases of one release share. */
export interface Release extends RunContext {
  readonly scope: CancellationScope;
  readonly input: ReleaseInput;
  /** Read in `resolving`; until then `NO_PLAN`. */
  plan: Plan;
  /** The digests that count from `resolving` on. */
  pinned: PinnedImage[];
  /** How it asked for the lane, and the number under which it holds it; null while it does not. */
  request: LaneRequest;
  fencingToken: number | null;
  /** The lane answered that the build is live already, and since when and by whom; `resolving` checks it. */
  alreadyLive: string | null;
  /** A revocation that came for a fencing token which this run may not have heard of yet. */
  pendingRevocation: { fencingToken: unknown; revocation: Revocation } | null;
  /** How many holds there were: part of a hold's id. */
  holds: number;
  /** How often a tenant left the build during the soak since the last hold for it. */
  timesLeft: number;
  /** When every tenant passed the smoke, epoch ms; 0 before. */
  greenAt: number;
  /** What no check tested or confirmed, a line each: a person must know it. */
  notTested: string[];
  /** A person let a build go on that a tenant does not report. */
  unconfirmed: boolean;
  /** What a person approved of `doubtsOf`, and is not asked again. */
  approved: string[];
  /** A person accepted where `:latest` stands, and what holds the lane. */
  accepted: boolean;
  /** A person said `retry` to `latest-moved`: an adoption since then counts. */
  retriesLatest: boolean;
  /** The last move timed out: it is tried once more before a person is asked. */
  moveTimedOut: boolean;
}

/** Does the work of one phase and names the next. `done`: `release.end` says how it ended. */
export type Phase = (release: Release) => Promise<PhaseName | 'done'>;
export type PhaseName = Exclude<ReleasePhase, 'held' | 'announcing' | 'done'>;

/** What a release goes by before it has read its plan: nothing. */
export const NO_PLAN: Plan = {
  images: [],
  tenants: [],
  buildProbe: [],
  soakMs: 0,
  pollMs: 0,
  updateTimeoutMs: 0,
  soakProbeMs: 0,
  approval: 'required',
  holdTimeoutMs: 0,
  holdGraceMs: 0,
  retryBudgetMs: { registry: 0, secret: 0, smoke: 0 },
};
