import type { CancellationScope } from '@temporalio/workflow';
import type { OpenPoint } from '../../src/contract/hold.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import type { LaneRequest, Revocation } from '../../src/contract/lane.js';
import type { PinnedImage, Plan, ReleaseInput, ReleasePhase } from '../../src/contract/release.js';
import type { BuildVerdict } from '../../src/contract/tenants/check.js';
import type { FleetWatchEnd } from '../../src/contract/tenants/fleet-watch.js';
import { approverRefusal } from '../../src/domain/approvers.js';
import type { RunContext } from '../shared/run.js';

/** Watch over the fleet beside the phases from the smoke to the move. */
export interface FleetWatch {
  /** Requests the proof; the watch ends with its next good round. */
  stop: () => void;
  /** End; null while it runs. */
  end: FleetWatchEnd | null;
}

/** Context that the phases of one release share. */
export interface Release extends RunContext {
  readonly scope: CancellationScope;
  readonly input: ReleaseInput;
  /** Identity of who requested it; null without one. */
  verified: VerifiedIdentity | null;
  /** Plan, read in `resolving`; until then `NO_PLAN`. */
  plan: Plan;
  /** Digests that were read in `resolving`; no others count. */
  pinned: PinnedImage[];
  /** Request for the lane. */
  request: LaneRequest;
  /** Fencing token with which it holds the lane; null while it does not. */
  fencingToken: number | null;
  /** Answer of the lane that the build is live already, since when and by whom; `resolving` checks it. */
  alreadyLive: string | null;
  /** Revocation of a fencing token that this run may not know yet. */
  pendingRevocation: { fencingToken: number; revocation: Revocation } | null;
  /** Number of holds so far: part of a hold's id. */
  holds: number;
  /** Watch over the fleet from the end of the soak to the move; null outside of it. */
  watch: FleetWatch | null;
  /** Number of interruptions since the last hold for them. */
  timesInterrupted: number;
  /** Tenants that a person wants to be tested again, and no others; null: all are tested. */
  untested: string[] | null;
  /** Time at which every tenant had passed the smoke (epoch, ms); 0 before. */
  greenAt: number;
  /** What was not tested or confirmed, for the person who approves. */
  notTested: OpenPoint[];
  /** Verdict RED of an earlier run on the build; null without one, and once this run found the build GREEN. */
  rejected: BuildVerdict | null;
  /** Tenants that a person accepted although they report no build. */
  unreported: string[];
  /** Open points that a person has approved. */
  approved: OpenPoint[];
  /** Time of the last start-over, ISO 8601: earlier decisions do not count for the move. */
  startedOverAt: string;
  /** Whether a person accepted where `:latest` is, and the hold of the lane. */
  accepted: boolean;
  /** Whether a person retried `latest-moved`: then an adoption since counts. */
  retriesLatest: boolean;
  /** Whether the last move timed out: it is tried once more before the release is held. */
  moveTimedOut: boolean;
}

/** Does the work of one phase and names the next, one of `Next`. On `done`, `release.end` holds the result. */
export type Phase<Next extends PhaseName | 'done' = PhaseName | 'done'> = (release: Release) => Promise<Next>;
/** Phases that the phase table of a release has. */
export type PhaseName = Exclude<ReleasePhase, 'held' | 'announcing' | 'done'>;

/** Placeholder until a release has read its plan. */
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

/** Whether the release is its own approval: a `promoteOnly` by a person who may approve it. */
export const isOwnApproval = ({ input, state }: Release): boolean =>
  input.promoteOnly === true && ownApprovalRefusal(state) === null;

/** Why the person who requested the release may not approve it; null if that person may. */
export const ownApprovalRefusal = ({ approvers }: Release['state']): string | null =>
  approvers ? approverRefusal(approvers, approvers.requester) : null;
