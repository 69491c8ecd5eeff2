import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { MovedImage, MoveInput } from '../src/domain/move.js';
import { moves } from './activity-options.js';

/** The only writer of `:latest`. It has one fixed id, so the server never runs two at a time. */
export async function MoveLatest(input: MoveInput): Promise<MovedImage[]> {
  const parent = workflowInfo().parent;
  const { observeLatest, moveTags } = moves();
  const observed = await observeLatest(input.images.map((image) => image.repository));
  const images = await moveTags(
    input,
    observed,
    parent ? { workflowId: parent.workflowId, runId: parent.runId } : null,
  );
  return whole(images);
}

/** Fails unless every image is where it should be. */
function whole(images: MovedImage[]): MovedImage[] {
  if (images.every(({ result }) => result === 'promoted' || result === 'already')) return images;
  const where = images
    .map(({ repository, result, latest }) => `${repository}:latest ${result} at ${latest ?? 'nothing'}`)
    .join(', ');
  const undone = images.every(({ result, latest, previous }) => result === 'restored' || latest === previous);
  throw ApplicationFailure.nonRetryable(where, undone ? 'MoveFailed' : 'PairSplit', images);
}
