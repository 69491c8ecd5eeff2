import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import {
  areOnOneBuild,
  isWhole,
  type MovedImage,
  type MoveInput,
  type MoveOutcome,
  type ObservedImage,
} from '../src/domain/move.js';
import { moves } from './activity-options.js';
import { plain } from './run-state.js';

/** The only writer of `:latest`. It has one fixed id, so the server never runs two at a time. */
export async function MoveLatest(input: MoveInput): Promise<MovedImage[]> {
  const { workflowId, runId } = workflowInfo().parent ?? {};
  const parent = workflowId && runId ? { workflowId, runId } : null;
  const { preflightMove, moveTags } = moves(input);
  try {
    const observed = await preflightMove(input);
    return requireMoved(await moveTags(input, observed, parent).catch(lookInstead(input, observed)));
  } catch (error) {
    if (isCancellation(error)) throw error;
    throw plain(error);
  }
}

/** When the writer never said how it ended, the registry is asked instead. */
function lookInstead(input: MoveInput, observed: ObservedImage[]) {
  return async (error: unknown): Promise<MovedImage[]> => {
    if (!(error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)) throw error;
    return judge(input, observed, await moves(input).whereLatestStands(input));
  };
}

/** What became of each image, by where `:latest` stands now. */
export function judge(input: MoveInput, before: ObservedImage[], now: ObservedImage[]): MovedImage[] {
  return input.images.map(({ repository, to, from }, index) => {
    const previous = before[index]?.digest ?? from;
    const latest = now[index]?.digest ?? null;
    const result: MoveOutcome = latest === to ? 'promoted' : latest === previous ? 'restored' : 'conflict';
    return { repository, digest: to, previous, result, latest };
  });
}

/** Fails unless every image is where it should be; each digest is named. */
export function requireMoved(images: MovedImage[]): MovedImage[] {
  if (isWhole(images)) return images;
  const where = images
    .map(
      ({ repository, result, latest, why }) =>
        `${repository}:latest ${result} at ${latest ?? 'nothing'}${why ? ` (${why})` : ''}`,
    )
    .join(', ');
  throw ApplicationFailure.nonRetryable(where, areOnOneBuild(images) ? 'MoveFailed' : 'PairSplit', images);
}
