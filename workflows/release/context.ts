import type { Ask, Lost } from '../../src/contract/lane.js';
import type { PinnedImage, Plan, ReleaseInput, ReleaseStatus } from '../../src/contract/release.js';

/** What a run remembers of decisions beside what its status shows. */
export interface Desk {
  state: ReleaseStatus;
  holds: number;
  holdTimeoutMs: number;
  /** How long a GREEN build that waits only for people is safe from a newer one. */
  holdGraceMs: number;
  onAbort: () => void;
  /** What it asked the lane with, and the number of its turn. */
  ask?: Ask;
  turn?: number;
  /** That the lane took back the turn of that number. */
  told?: { turn: unknown; lost: Lost };
  /** Why the lane took its turn back. */
  lost?: Lost;
}

/** One release on its way: what its steps share. */
export interface Release extends Desk {
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
