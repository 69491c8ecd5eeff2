import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  log,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { InvalidInput } from '../src/contract/brand.js';
import type { FailureType } from '../src/contract/failures.js';
import { moveLatestId } from '../src/contract/ids.js';
import type { RunRef } from '../src/contract/lane.js';
import {
  areOnOneBuild,
  isWhole,
  type MovedImage,
  type MoveInput,
  parseMoveInput,
  type TagState,
} from '../src/contract/move.js';
import { isKept, outcomesOf } from '../src/domain/one-build.js';
import { LEASE_MS } from '../src/lane/moves.js';
import { latestReads, moves, preflights, reports } from './shared/activity-options.js';
import { alarm, type EventFeed, openFeed } from './shared/events.js';
import { failure, faultOf, isLaneUnavailable, unwrapFailure } from './shared/failures.js';
import { requireId } from './shared/own-lane.js';

/** Lag of registry reads behind writes, in milliseconds (GHCR: 15-30 s). */
const LAG_MS = 30_000;

/** Timer options of a wait until no write can be in flight. */
export const SETTLE = { summary: 'wait for writes in flight' };

/** Moves `:latest` of all images; no other code writes it. Its id is fixed, so the server never runs two at a time. */
export async function MoveLatest(typed: unknown): Promise<MovedImage[]> {
  requireId(moveLatestId);
  const input = readMove(typed);
  const feed = openFeed(input.sha);
  try {
    return await move(input, feed);
  } catch (error) {
    throw isCancellation(error) ? error : unwrapFailure(error);
  } finally {
    await feed.flush();
  }
}

async function move(input: MoveInput, feed: EventFeed): Promise<MovedImage[]> {
  const { workflowId, runId } = workflowInfo().parent ?? {};
  const parent = workflowId && runId ? { workflowId, runId } : null;
  const observed = await preflights('check everything before the move').preflightMove(input);
  const images = await moves(input)
    .moveTags(input, observed, parent)
    .catch(readLatestInstead(input, observed))
    .catch(async (fault: unknown) => {
      // A silent lane would hold a rollback up for minutes, and has granted nothing.
      if (!(input.kind === 'rollback' && isLaneUnavailable(fault))) await report(input, parent, 'stopped');
      throw fault;
    });
  const result = images.find((image) => image.result !== 'promoted' && !isKept(image))?.result ?? 'promoted';
  feed.emit({ type: 'moved', kind: input.kind, result });
  await report(input, parent, images);
  return requireMoved(feed, images);
}

/** Reports to the lane before this run ends; a lane that does not answer for minutes learns the result from `:latest` (I8). */
function report(input: MoveInput, parent: RunRef | null, images: MovedImage[] | 'stopped'): Promise<void> {
  if (parent === null) return Promise.resolve();
  const message = { moverRunId: workflowInfo().runId, parent, input, images };
  return CancellationScope.nonCancellable(() => reports(input).reportMove(message)).catch((error: unknown) =>
    log.error('move.unreported', { why: unwrapFailure(error).message, images }),
  );
}

/** Handles a failed writer that may have written: reads the images and returns their results. If every image is where it was, the failure stands. */
function readLatestInstead(input: MoveInput, observed: TagState[]) {
  return async (fault: unknown): Promise<MovedImage[]> => {
    if (!mayHaveWritten(fault)) throw fault;
    return CancellationScope.nonCancellable(async () => {
      const images = await settled(input, observed, () => whereLatestStands(input, fault));
      if (!images.every(({ latest, digest, previous }) => latest !== digest || previous === digest)) return images;
      // No worker for so long: a person may have gone back by hand, so no mover starts again without one.
      if (input.kind === 'promotion' && faultOf(unwrapFailure(fault)) === 'TimedOut' && !isLaneUnavailable(fault))
        throw awayFor(fault, images);
      throw fault;
    });
  };
}

const awayFor = (fault: unknown, images: MovedImage[]) =>
  failure(
    'MoveRefused',
    `${unwrapFailure(fault).message}: no mover was there, and a person may have decided otherwise meanwhile`,
    {
      refusal: 'latest-moved',
      latest: images.map(({ repository, latest }) => ({ repository, digest: latest })),
    },
  );

function mayHaveWritten(fault: unknown): boolean {
  const cause = fault instanceof ActivityFailure ? fault.cause : fault;
  const details = cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
  return !details.some((detail) => (detail as { nothingWritten?: boolean } | null)?.nothingWritten);
}

/** Results of a mover that is gone, read when none of its writes can be in flight and reads no longer lag behind. */
export async function settled(
  input: MoveInput,
  before: TagState[],
  readLatest: () => Promise<TagState[]>,
): Promise<MovedImage[]> {
  await sleep(LEASE_MS, SETTLE);
  const images = outcomesOf(input, before, await readLatest());
  if (isWhole(images)) return images;
  await sleep(LAG_MS, { summary: 'wait for registry read lag' });
  return outcomesOf(input, before, await readLatest());
}

function whereLatestStands(input: MoveInput, fault: unknown): Promise<TagState[]> {
  return latestReads('read :latest')
    .whereLatestStands(input)
    .catch((error: unknown) => {
      const why = isCancellation(fault) ? 'the move was cancelled' : unwrapFailure(fault).message;
      throw failure('MoveFailed', `${why}; :latest could not be read afterwards: ${unwrapFailure(error).message}`);
    });
}

/** Fails unless every image is at its target. The failure names each digest; a pair split raises an alarm (I2). */
export function requireMoved(feed: EventFeed, images: MovedImage[]): MovedImage[] {
  if (isWhole(images)) return images;
  const where = images.map(
    ({ repository, result, latest, why }) =>
      `${repository}:latest ${result} at ${latest ?? 'nothing'}${why ? ` (${why})` : ''}`,
  );
  const split = !areOnOneBuild(images);
  if (split) alarm(feed, 'move-split', { why: where.join(', '), images });
  const type: FailureType = split ? 'PairSplit' : 'MoveFailed';
  throw ApplicationFailure.nonRetryable(where.join(', '), type, images);
}

/** Parses the input. A mover that a person started with anything else must end, because its id blocks every move. */
function readMove(typed: unknown): MoveInput {
  try {
    return parseMoveInput(typed);
  } catch (error) {
    if (error instanceof InvalidInput) throw failure('ConfigInvalid', error.message);
    throw error;
  }
}
