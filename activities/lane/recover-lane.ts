import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Lane, moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { areMoved, type MovedImage } from '../../src/contract/move.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { startInput } from '../../src/temporal/start.js';

/** Time-out of a query to a closed lane, in milliseconds, and number of tries. */
const ANSWER_MS = 10_000;
const TRIES = 2;

/** One run of a workflow id. */
interface Listed {
  runId: string;
  status: string;
  startTime: Date;
  closeTime: Date | undefined;
}

/** Answer if there is nothing to recover: this run continues the one before it. */
export type Continued = 'continued';

/**
 * Recovers the state of the last lane, as strictly as possible (docs/protocol.md, Recovery of the ledger): its whole state, if it still answers;
 * else the state of an earlier one, or the one that it began with, on hold; else where the last move left `:latest`, on hold; else null.
 */
export async function recoverLane(
  client: Client,
  lane: Lane,
  isCarried: boolean,
): Promise<LaneState | Continued | null> {
  const closed = await closedLanes(client, lane);
  // If the newest closed run did not continue as new, a lane was reset, and a later run knew more than this input.
  if (isCarried && closed[0]?.status === 'CONTINUED_AS_NEW') return 'continued';
  let isCertain = true;
  for (const { runId } of closed) {
    const answer = await knownBy(client, lane, runId);
    if (answer === 'silent') isCertain = false;
    // The input of a silent run is what continue-as-new carried into it; unless it never ran, it may have known more.
    const known =
      typeof answer === 'string'
        ? ((await startInput(client, releaseLaneId(lane), runId)) as LaneState | null)
        : answer;
    // A lane that ended before it had recovered knew and changed nothing: the run before it is read.
    if (known) return isCertain ? known : notAll(known);
  }
  return lastMove(client, lane);
}

const notAll = (state: LaneState) =>
  putOnHold(
    state,
    'not-recovered',
    'the last lane does not answer, so only the state before it is known (fix: canary lane adopt)',
  );

/** Closed runs of the lane, newest first. Visibility lags, so it waits until this run is listed and no other is listed as running. */
async function closedLanes(client: Client, lane: Lane): Promise<Listed[]> {
  const own = activityInfo().workflowExecution?.runId;
  for (;;) {
    const runs = await listed(client, releaseLaneId(lane));
    const others = runs.filter(({ runId }) => runId !== own);
    if (others.length < runs.length && others.every(({ status }) => status !== 'RUNNING')) return others;
    heartbeat();
    await sleep(200);
  }
}

async function listed(client: Client, workflowId: string): Promise<Listed[]> {
  const runs: Listed[] = [];
  for await (const { runId, status, startTime, closeTime } of client.workflow.list({
    query: `WorkflowId = '${workflowId}'`,
  }))
    runs.push({ runId, status: status.name, startTime, closeTime });
  return runs.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
}

/** Queries a closed run. It is replayed for that, which may fail if the code has changed since. */
async function knownBy(client: Client, lane: Lane, runId: string): Promise<LaneState | null | 'silent' | 'never ran'> {
  const handle = client.workflow.getHandle(releaseLaneId(lane), runId);
  for (let tries = 1; ; tries += 1)
    try {
      return await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<LaneState | null>('lane'));
    } catch (error) {
      // Matches the server's message; another wording counts as silence, which puts the lane on hold.
      if (String(Object(error).cause).includes('closed before WorkflowTaskStarted')) return 'never ran';
      if (tries === TRIES) return 'silent';
    }
}

/** State in which only the expected latest is known, from the newest move; null if that is unknown. */
async function lastMove(client: Client, lane: Lane): Promise<LaneState | null> {
  for (const { runId, status, closeTime } of await listed(client, moveLatestId(lane))) {
    const images = status === 'RUNNING' ? null : await movedBy(client, lane, runId);
    if (images?.length === 0) continue;
    if (images === null) return null;
    const why = 'only the last move of the lane is known (fix: canary lane adopt)';
    const state = putOnHold(emptyLane(), 'not-recovered', why);
    const tagStates = images.map(({ repository, latest }) => ({ repository, digest: latest }));
    state.ledger.expectedLatest = { images: tagStates, at: (closeTime ?? new Date()).getTime() };
    return state;
  }
  return null;
}

/** Result of a mover that has ended: empty if it was refused; null if it is unknown. */
async function movedBy(client: Client, lane: Lane, runId: string): Promise<MovedImage[] | null> {
  try {
    const handle = client.workflow.getHandle(moveLatestId(lane), runId, { followRuns: false });
    return (await handle.result()) as MovedImage[];
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) return null;
    if (cause.type === 'MoveRefused') return [];
    const [images] = cause.details ?? [];
    return areMoved(images) ? images : null;
  }
}
