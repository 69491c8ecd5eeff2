import type { LaneRequest, Revocation } from '../../src/contract/lane.js';
import type { PinnedImage, Plan, ReleaseInput, ReleaseStatus } from '../../src/contract/release.js';

/** What a run remembers of decisions beside what its status shows. */
export interface RunContext {
  state: ReleaseStatus;
  holds: number;
  holdTimeoutMs: number;
  /** How long a GREEN build that waits only for people is safe from a newer one. */
  holdGraceMs: number;
  onAbort: () => void;
  /** What it asked the lane with, and the number of its turn. */
  request?: LaneRequest;
  fencingToken?: number;
  /** That the lane took back the turn of that number. */
  pendingRevocation?: { fencingToken: unknown; revocation: Revocation };
  /** Why the lane took its turn back. */
  revocation?: Revocation;
}

/** One release on its way: what its steps share. */
export interface Release extends RunContext {
  input: ReleaseInput;
  plan: Plan;
  pinned: PinnedImage[];
  /** When the smoke was green, epoch ms. */
  greenAt: number;
  /** What nobody tested or confirmed; a human has to know it. */
  notTested: string[];
  /** A human accepted where `:latest` stands, and whatever holds the lane. */
  accepted: boolean;
}
