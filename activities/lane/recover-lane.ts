import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Lane, moveLatestId, releaseLaneId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { areMovedImages } from '../../src/lane/payloads/parse.js';
import { knowsLess, parseLaneState } from '../../src/lane/payloads/state.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { tolerantOf } from '../../src/temporal/payloads/tolerant.js';
import { findRun } from '../../src/temporal/runs.js';
import { startOf } from '../../src/temporal/start.js';
import { isOurs } from '../border/caller.js';

/** Time-out of a query to a closed lane, in milliseconds, and number of tries. */
const ANSWER_MS = 10_000;
const TRIES = 2;

/** One run of a workflow id. */
interface Listed {
  runId: string;
  type: string;
  taskQueue: string;
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
  // If the newest closed run did not continue as new, a lane was reset, and a later run knew more than this input. If it was no lane of
  // ours, the input is somebody's own.
  const isContinued = isCarried && closed[0]?.status === 'CONTINUED_AS_NEW' && isHonest(closed[0], lane);
  if (isContinued && (await continuesOurs(client, lane))) return 'continued';
  const lanes = closed.filter((run) => isHonest(run, lane));
  // The run that continued the newest one is gone: it may have known more.
  let isCertain = lanes[0]?.status !== 'CONTINUED_AS_NEW';
  for (const [index, { runId }] of lanes.entries()) {
    const answer = await knownBy(client, lane, runId);
    if (answer === 'silent') isCertain = false;
    // The input of a silent run is what continue-as-new carried into it; unless it never ran, it may have known more.
    const known = typeof answer === 'string' ? await carriedInto(client, lane, runId, lanes) : answer;
    // A lane that ended before it had recovered knew and changed nothing: the run before it is read.
    if (known === null) continue;
    const older = await olderRecord(client, lane, lanes.slice(index + 1));
    if (older && knowsLess(known, older)) return lessThan(known, older);
    return isCertain ? known : notAll(known);
  }
  return lastMove(client, lane);
}

/** Whether a run was a lane of this gate: of that type, on our queue, where our workers alone run it. */
const isHonest = ({ type, taskQueue: queue }: Listed, lane: Lane) =>
  type === WORKFLOWS.lane && queue === taskQueue(lane);

/** Whether the run that this one continues is a lane of ours. A list does not show one that was deleted since, and with it whose state this is. */
async function continuesOurs(client: Client, lane: Lane): Promise<boolean> {
  const [id, own] = [releaseLaneId(lane), activityInfo().workflowExecution?.runId ?? ''];
  const { continuedFrom } = await startOf(client, id, own);
  return continuedFrom !== null && isOurs(await findRun(client, id, continuedFrom), WORKFLOWS.lane, lane);
}

/** State that a run began with as the continuation of a lane of ours; null for one that began with nothing, or with somebody's own. */
async function carriedInto(client: Client, lane: Lane, runId: string, lanes: Listed[]): Promise<LaneState | null> {
  const { input, continuedFrom } = await startOf(client, releaseLaneId(lane), runId);
  return lanes.some((one) => one.runId === continuedFrom) ? parseLaneState(input) : null;
}

/** Number of older lanes that are asked whether they knew more. */
const OLDER = 2;

/** What an older lane knew: what it began with, which is cheap to read, else its answer. */
async function olderRecord(client: Client, lane: Lane, older: Listed[]): Promise<LaneState | null> {
  for (const { runId } of older.slice(0, OLDER)) {
    const carried = await carriedInto(client, lane, runId, older);
    const answer = carried ?? (await knownBy(client, lane, runId));
    if (answer !== null && typeof answer !== 'string') return answer;
  }
  return null;
}

/** The older state, on hold, with the known-bad builds of both: no build that was rolled back from comes back. */
function lessThan(known: LaneState, older: LaneState): LaneState {
  const { knownBad } = older.ledger;
  const more = known.ledger.knownBad.filter(({ sha }) => !knownBad.some((one) => one.sha === sha));
  const state = { ...older, ledger: { ...older.ledger, knownBad: [...knownBad, ...more] } };
  return putOnHold(state, 'not-recovered', 'the last lane knew less than one before it (fix: canary lane adopt)');
}

const notAll = (state: LaneState) =>
  putOnHold(
    state,
    'not-recovered',
    'the last lane is gone, or does not answer, so only the state before it is known (fix: canary lane adopt)',
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
  for await (const { runId, type, taskQueue, status, startTime, closeTime } of tolerantOf(client).list({
    query: `WorkflowId = '${workflowId}'`,
  }))
    runs.push({ runId, type, taskQueue, status: status.name, startTime, closeTime });
  return runs.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
}

/** Queries a closed run. It is replayed for that, which may fail if the code has changed since. */
async function knownBy(client: Client, lane: Lane, runId: string): Promise<LaneState | null | 'silent' | 'never ran'> {
  const handle = client.workflow.getHandle(releaseLaneId(lane), runId);
  for (let tries = 1; ; tries += 1)
    try {
      const answer = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<unknown>('lane'));
      return answer === null ? null : (parseLaneState(answer) ?? 'silent');
    } catch (error) {
      // Matches the server's message; another wording counts as silence, which puts the lane on hold.
      if (String(Object(error).cause).includes('closed before WorkflowTaskStarted')) return 'never ran';
      if (tries === TRIES) return 'silent';
    }
}

/** State in which only the expected latest is known, from the newest move; null if that is unknown. */
async function lastMove(client: Client, lane: Lane): Promise<LaneState | null> {
  for (const { runId, status, closeTime, type, taskQueue: queue } of await listed(client, moveLatestId(lane))) {
    if (type !== WORKFLOWS.move || queue !== taskQueue(lane)) continue;
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
    const images: unknown = await handle.result();
    return areMovedImages(images) ? images : null;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) return null;
    if (cause.type === 'MoveRefused') return [];
    const [images] = cause.details ?? [];
    return areMovedImages(images) ? images : null;
  }
}
