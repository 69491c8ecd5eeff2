import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Lane, moveLatestId, releaseLaneId } from '../src/contract/ids.js';
import type { LaneState } from '../src/contract/lane.js';
import { areMoved, type MovedImage } from '../src/contract/move.js';
import { emptyLane, putOnHold } from '../src/lane/state.js';
import { startInput } from '../src/temporal/start.js';

/** How long a closed lane may take to answer, in milliseconds, and how often it is asked. */
const ANSWER_MS = 10_000;
const TRIES = 2;

/** A closed, or open, run of one workflow id, newest first. */
interface Listed {
  runId: string;
  status: string;
  startTime: Date;
  closeTime: Date | undefined;
}

/** There is nothing to recover: this run goes on from the one before it. */
export type Continued = 'continued';

/**
 * What the last lane knew, in the strictest reading (docs/protocol.md, Recovery of the ledger): its whole state, when it still answers; else what
 * an earlier one knew or it began with, on hold; else where the last move left `:latest`, on hold. Null when nothing at all is left.
 */
export async function recoverLane(
  client: Client,
  lane: Lane,
  isCarried: boolean,
): Promise<LaneState | Continued | null> {
  const closed = await closedLanes(client, lane);
  // One that was reset lies behind another run, which knew more than what was carried into it.
  if (isCarried && closed[0]?.status === 'CONTINUED_AS_NEW') return 'continued';
  let isCertain = true;
  for (const { runId } of closed) {
    const answer = await knownBy(client, lane, runId);
    if (answer === 'silent') isCertain = false;
    // What continue-as-new carried into it; it may have learned more since, unless it never ran.
    const known =
      typeof answer === 'string'
        ? ((await startInput(client, releaseLaneId(lane), runId)) as LaneState | null)
        : answer;
    // A lane that ended before it had recovered knew nothing, and changed nothing.
    if (known) return isCertain ? known : notAll(known);
  }
  return lastMove(client, lane);
}

const notAll = (state: LaneState) =>
  putOnHold(
    state,
    'not-recovered',
    'the last lane does not answer, so only what was known before it is: canary lane adopt',
  );

/** Visibility lags: it is looked at once this very run is listed, and no other one as running. */
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

/** A closed run is replayed to answer: code that has changed since may not be able to. */
async function knownBy(client: Client, lane: Lane, runId: string): Promise<LaneState | null | 'silent' | 'never ran'> {
  const handle = client.workflow.getHandle(releaseLaneId(lane), runId);
  for (let tries = 1; ; tries += 1)
    try {
      return await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<LaneState | null>('lane'));
    } catch (error) {
      // The server's words; where it uses others, that is read as silence: on hold.
      if (String(Object(error).cause).includes('closed before WorkflowTaskStarted')) return 'never ran';
      if (tries === TRIES) return 'silent';
    }
}

/** Where the newest move left `:latest`; null if that is not known. */
async function lastMove(client: Client, lane: Lane): Promise<LaneState | null> {
  for (const { runId, status, closeTime } of await listed(client, moveLatestId(lane))) {
    const images = status === 'RUNNING' ? null : await movedBy(client, lane, runId);
    if (images?.length === 0) continue;
    if (images === null) return null;
    const state = putOnHold(emptyLane(), 'not-recovered', 'of the lane only its last move is left: canary lane adopt');
    const tagStates = images.map(({ repository, latest }) => ({ repository, digest: latest }));
    state.ledger.expectedLatest = { images: tagStates, at: (closeTime ?? new Date()).getTime() };
    return state;
  }
  return null;
}

/** What became of the images of a mover that has ended: none when it was refused; null when it does not say. */
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
