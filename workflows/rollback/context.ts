import { isCancellation, log } from '@temporalio/workflow';
import type { FailureType } from '../../src/contract/failures.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import type { Tag } from '../../src/contract/image.js';
import type { PinnedImage, RollbackInput } from '../../src/contract/release.js';
import { unwrapFailure } from '../shared/failures.js';
import type { RunContext } from '../shared/run.js';

/** Context that the phases of one rollback share. */
export interface RollbackRun extends RunContext {
  /** A running rollback takes `force`: each phase reads it where it counts. */
  input: RollbackInput;
  pinned: PinnedImage[];
  /** Identity of who requested it, or forced it since; null without one. */
  verified: VerifiedIdentity | null;
  /** Why its token was not verified; null without a token. */
  notVerified: string | null;
  /** Tag that the canary tenants follow, if the gate points it. */
  tag?: Tag;
  /** Time in which a write of another mover may still be in flight, in milliseconds; null if the lane did not answer. */
  leaseMs: number | null;
}

export type PhaseName = 'resolving' | 'announcing' | 'promoting';
/** Does the work of one phase and names the next. */
export type Phase = (run: RollbackRun) => Promise<PhaseName | 'done'>;

/** Null for a lane that does not answer: a rollback never waits for it. */
export function nullIfUnanswered(error: unknown): null {
  if (isCancellation(error) || unwrapFailure(error).type === ('MoveRefused' satisfies FailureType)) throw error;
  return null;
}

/** Notes that the rollback goes on although the lane does not answer. */
export function goOnWithoutLane(run: RollbackRun): void {
  run.leaseMs = null;
  run.state.laneUnavailable = true;
  log.warn('rollback.without-lane', { sha: run.input.sha });
}
