import { setTimeout as delay } from 'node:timers/promises';
import { activityInfo, sleep } from '@temporalio/activity';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { type Lane, moveLatestId, releaseLaneId, WORKFLOWS } from '../../src/contract/ids.js';
import { tolerantOf } from '../../src/temporal/payloads/tolerant.js';
import { successorsOf } from '../../src/temporal/records/chain.js';
import { findRun, isOpen } from '../../src/temporal/runs.js';
import { startOf } from '../../src/temporal/start.js';
import { isOurs } from '../border/caller.js';

/** A run of a workflow id. */
export interface Run {
  runId: string;
  startTime: Date;
}

/** The runs before this one. */
export interface EarlierLanes {
  /** Those that were lanes of this gate, newest first. */
  lanes: Run[];
  /** Whether none is missing: this run is listed, and each one that followed another is kept. */
  isComplete: boolean;
}

/** How this run of the lane began. */
export interface OwnStart {
  runId: string;
  /** Whether it carries the state of a lane of this gate, and began with that, not with a reset. */
  isContinued: boolean;
  /** Run id of the one that it was reset from, or that it continues. */
  follows: string[];
}

/** Longest wait for a list, in milliseconds: visibility lags by a second, mostly. A lane without its list begins on hold. */
export const LISTING_MS = 30_000;
/** Time limit of one list, and the pause after it, in milliseconds. */
const LIST_MS = 5_000;
const PAUSE_MS = 500;
/** Most runs of one id that are read. */
const MAX_RUNS = 50;

/**
 * How this run of the lane began, by histories and descriptions, which never lag. A reset copies the first event, and with it the id of
 * the run that wrote it: a later run may have known more. A run that the server does not know as a lane of ours may hand on anything.
 */
export async function ownStart(client: Client, lane: Lane): Promise<OwnStart> {
  const [id, runId] = [releaseLaneId(lane), activityInfo().workflowExecution?.runId ?? ''];
  const { continuedFrom, writtenBy } = await startOf(client, id, runId);
  if (writtenBy !== null && writtenBy !== runId) return { runId, isContinued: false, follows: [writtenBy] };
  if (continuedFrom === null) return { runId, isContinued: false, follows: [] };
  const isContinued = isOurs(await findRun(client, id, continuedFrom), WORKFLOWS.lane, lane);
  return { runId, isContinued, follows: [continuedFrom] };
}

/**
 * The lanes before this one. A list only says which there are: it lags, and may show a status of long ago. What became of a run is asked
 * of the run, and each run that it was continued or reset as is found so, listed or not.
 */
export async function earlierLanes(client: Client, lane: Lane, own: OwnStart): Promise<EarlierLanes> {
  const id = releaseLaneId(lane);
  const list = await listRuns(client, id, (runs) => runs.some(({ runId }) => runId === own.runId));
  const lanes = new Map<string, Run>();
  const listed = list.runs.filter((run) => run.runId !== own.runId && isOurs(run, WORKFLOWS.lane, lane));
  for (const run of listed) lanes.set(run.runId, run);
  let { isComplete } = list;
  const ids = [...listed.slice(0, 1).map(({ runId }) => runId), ...own.follows];
  for (const seen = new Set([own.runId]); ids.length > 0 && seen.size < MAX_RUNS; ) {
    const runId = ids.shift() as string;
    if (seen.has(runId)) continue;
    seen.add(runId);
    const run = await findRun(client, id, runId);
    // It was deleted, and may have known more.
    if (run === null) isComplete = false;
    if (run === null || !isOurs(run, WORKFLOWS.lane, lane)) continue;
    lanes.set(runId, run);
    ids.push(...(await successorsOf(client, run)));
  }
  return { lanes: newestFirst([...lanes.values()]).slice(0, MAX_RUNS), isComplete };
}

/**
 * Movers of this gate, newest first, as far as the server tells. The newest one needs no list, and no other one can be open.
 * @param forMs how long their list is waited for, in milliseconds.
 */
export async function earlierMovers(
  client: Client,
  lane: Lane,
  forMs: number,
): Promise<(Run & { isOpen: boolean; closeTime?: Date })[]> {
  const id = moveLatestId(lane);
  const [last, { runs }] = await Promise.all([findRun(client, id), listRuns(client, id, () => true, forMs)]);
  const movers = [...(last ? [last] : []), ...runs.filter(({ runId }) => runId !== last?.runId)];
  return newestFirst(movers.filter((run) => isOurs(run, WORKFLOWS.move, lane))).map(
    ({ runId, startTime, closeTime }) => ({
      runId,
      startTime,
      ...(closeTime && { closeTime }),
      isOpen: runId === last?.runId && isOpen(last),
    }),
  );
}

const newestFirst = <R extends Run>(runs: R[]) => runs.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());

type Listed = Pick<WorkflowExecutionDescription, 'runId' | 'type' | 'taskQueue' | 'startTime' | 'closeTime'>;

/** Lists the runs of a workflow id, newest first, until `isThere`, or for as long as a list is waited for. */
async function listRuns(
  client: Client,
  workflowId: string,
  isThere: (runs: Listed[]) => boolean,
  forMs = LISTING_MS,
): Promise<{ runs: Listed[]; isComplete: boolean }> {
  const deadline = performance.now() + forMs;
  for (let runs: Listed[] = []; ; await sleep(PAUSE_MS)) {
    const found = await Promise.race([
      list(client, workflowId).catch(() => null),
      delay(LIST_MS, null, { ref: false }),
    ]);
    if (found) runs = newestFirst(found);
    if (found && isThere(runs)) return { runs, isComplete: true };
    if (performance.now() >= deadline) return { runs, isComplete: false };
  }
}

async function list(client: Client, workflowId: string): Promise<Listed[]> {
  const runs: Listed[] = [];
  await client.withDeadline(Date.now() + LIST_MS, async () => {
    for await (const run of tolerantOf(client).list({ query: `WorkflowId = '${workflowId}'` })) runs.push(run);
  });
  return runs;
}
