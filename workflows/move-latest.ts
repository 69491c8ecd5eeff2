import { ApplicationFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { MovedImage, MoveInput } from '../src/domain/move.js';
import { moves } from './activity-options.js';
import { plain } from './run-state.js';

/** The only writer of `:latest`. It has one fixed id, so the server never runs two at a time. */
export async function MoveLatest(input: MoveInput): Promise<MovedImage[]> {
  const { workflowId, runId } = workflowInfo().parent ?? {};
  const parent = workflowId && runId ? { workflowId, runId } : null;
  const { observeLatest, moveTags } = moves();
  try {
    const observed = await observeLatest(input.images.map((image) => image.repository));
    return requireMoved(await moveTags(input, observed, parent));
  } catch (error) {
    if (isCancellation(error)) throw error;
    throw plain(error);
  }
}

/** Fails unless every image is where it should be; then each digest is named. */
function requireMoved(images: MovedImage[]): MovedImage[] {
  if (images.every(({ result }) => result === 'promoted' || result === 'already')) return images;
  const where = images
    .map(({ repository, result, latest }) => `${repository}:latest ${result} at ${latest ?? 'nothing'}`)
    .join(', ');
  const undone = images.every(({ result, latest, previous }) => result === 'restored' || latest === previous);
  throw ApplicationFailure.nonRetryable(where, undone ? 'MoveFailed' : 'PairSplit', images);
}
