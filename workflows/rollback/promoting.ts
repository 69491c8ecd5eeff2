import { isCancellation, log } from '@temporalio/workflow';
import type { Tag } from '../../src/contract/image.js';
import type { MovedImage, MoveInput } from '../../src/contract/move.js';
import type { PinnedImage, RollbackNotes } from '../../src/contract/release.js';
import { targetOf } from '../../src/domain/one-build.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { requesterOf } from '../identity/verify.js';
import { tagWrites } from '../shared/activity-options.js';
import { isLaneUnavailable, retryOnceAfterTimeout, unwrapFailure } from '../shared/failures.js';
import { finish, setPhase } from '../shared/run.js';
import { moveLatest } from '../shared/start-move.js';
import { goOnWithoutLane, type RollbackRun } from './context.js';

/** Moves `:latest` of all images. From here on the rollback finishes, and is what it was announced as. */
export async function promoting(run: RollbackRun): Promise<'done'> {
  const { input, pinned, tag, leaseMs, state } = run;
  const silence = leaseMs === null ? ' (lane-unavailable: the lane did not answer)' : '';
  state.moving = true;
  setPhase(run, 'promoting', `:latest of all images back to ${input.sha}${silence}`);
  const move: MoveInput = {
    kind: 'rollback',
    sha: input.sha,
    images: pinned.map(targetOf),
    by: requesterOf(run) ?? 'unknown',
    reason: input.reason,
    ...(input.force && { force: true }),
    // A person who forced it decides over what a policy must leave alone.
    ...(input.onlyFrom && !input.force && { onlyFrom: input.onlyFrom }),
  };
  const moved = await moveWithOrWithoutLane(run, move);
  state.images = moved;
  if (tag !== undefined) await pointCanaryTag(tag, pinned);
  const wasAlreadyLive = moved.every(({ previous, digest }) => previous === digest);
  return finish(
    run,
    wasAlreadyLive
      ? { outcome: 'already', why: `:latest of every image stood on ${input.sha} before` }
      : { outcome: 'rolled-back', why: `:latest of every image is back on ${input.sha}${others(state)}` },
  );
}

/** Moves. A rollback goes on if the lane is silent, also if it fell silent after it had answered; one of a policy ends. */
async function moveWithOrWithoutLane(run: RollbackRun, move: MoveInput): Promise<MovedImage[]> {
  const moving = (order: MoveInput) =>
    retryOnceAfterTimeout(() => moveLatest(run, order, undefined, run.leaseMs ?? LEASE_MS));
  if (run.leaseMs !== null)
    try {
      return await moving(move);
    } catch (error) {
      if (!isLaneUnavailable(error) || move.onlyFrom !== undefined) throw error;
      goOnWithoutLane(run);
    }
  return moving({ ...move, laneUnavailable: true, claimedBy: run.input.requestedBy ?? 'unknown' });
}

const others = ({ notMoved = [] }: RollbackNotes) =>
  notMoved.length > 0 ? `; ${notMoved.join(', ')} was not moved: this gate never moved it to that build` : '';

/** Points the canary tag back too, if the gate points it and no release holds the lane by now. */
async function pointCanaryTag(tag: Tag, images: PinnedImage[]): Promise<void> {
  try {
    await tagWrites(tag, '1m').pointTag(tag, images);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('canary-tag.left', { tag, why: unwrapFailure(error).message });
  }
}
