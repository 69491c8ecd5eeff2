import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Lane, moveLatestId, releaseLaneId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import type { KnownBadBuild, LaneState } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { areMovedImages } from '../../src/lane/payloads/parse.js';
import { knowsLess } from '../../src/lane/payloads/state.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import type { FoundCopy } from '../../src/ledger/store.js';
import { tolerantOf } from '../../src/temporal/payloads/tolerant.js';
import { type LaneRecord, readLaneRecord } from '../../src/temporal/records/lane-record.js';
import { findRun } from '../../src/temporal/runs.js';
import { startOf } from '../../src/temporal/start.js';
import { isOurs } from '../border/caller.js';
import { lost, withCopy, withMarks } from './ledger-copy.js';

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
 * Recovers the state of the last lane, as strictly as possible (docs/protocol.md, Recovery of the ledger): its whole state, by its history;
 * else what can be read of it, or the state of an earlier one, on hold; else where the last move left `:latest`, on hold; else null. The copy in the
 * registry is read unless all is known.
 */
export async function recoverLane(
  client: Client,
  lane: Lane,
  isCarried: boolean,
  readCopies: () => Promise<FoundCopy>,
): Promise<LaneState | Continued | null> {
  const closed = await closedLanes(client, lane);
  // If the newest closed run did not continue as new, a lane was reset, and a later run knew more than this input. If it was no lane of
  // ours, the input is somebody's own.
  const isContinued = isCarried && closed[0]?.status === 'CONTINUED_AS_NEW' && isHonest(closed[0], lane);
  if (isContinued && (await continuesOurs(client, lane))) return 'continued';
  const lanes = closed.filter((run) => isHonest(run, lane)).slice(0, MAX_RUNS);
  const recordOf = recordsOf(client, lane, lanes);
  // The run that continued the newest one is gone: it may have known more.
  let isCertain = lanes[0]?.status !== 'CONTINUED_AS_NEW';
  const marks: KnownBadBuild[] = [];
  for (const [index, run] of lanes.entries()) {
    const record = await recordOf(run);
    marks.push(...record.marks);
    isCertain &&= record.isWhole;
    // A lane that ended before it had recovered knew and changed nothing: the run before it is read.
    if (record.state === null) continue;
    const older = await olderRecord(recordOf, lanes.slice(index + 1));
    const known = older && knowsLess(record.state, older) ? older : isCertain ? null : record.state;
    return known ? withCopy(incomplete(known, marks), await readCopies()) : withOpenLease(record.state);
  }
  return withCopy(await lastMove(client, lane), await readCopies());
}

/** Most closed runs of the lane that are read. */
const MAX_RUNS = 50;

/** Record of one of the closed lanes. */
type RecordOf = (run: Listed) => Promise<LaneRecord>;

/** Reads each record once. */
function recordsOf(client: Client, lane: Lane, lanes: Listed[]): RecordOf {
  const read = new Map<string, Promise<LaneRecord>>();
  const isListed = (id: string) => lanes.some(({ runId }) => runId === id);
  return ({ runId }) => {
    const known = read.get(runId);
    if (known) return known;
    const record = readLaneRecord(client, { workflowId: releaseLaneId(lane), runId }, isListed);
    read.set(runId, record);
    return record;
  };
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

/** Number of older lanes that are compared. */
const OLDER = 2;

/** What an older lane knew. */
async function olderRecord(recordOf: RecordOf, older: Listed[]): Promise<LaneState | null> {
  for (const run of older.slice(0, OLDER)) {
    const { state } = await recordOf(run);
    if (state) return state;
  }
  return null;
}

/**
 * A state of which a part is lost, on hold, with every known-bad build that any lane knew: no build that was rolled back from comes back.
 * Whether a build is one of those that were lost is not known, so a person says from which sequence on builds are new.
 */
function incomplete(known: LaneState, marks: KnownBadBuild[]): LaneState {
  const state = lost(structuredClone(known));
  return withOpenLease(putOnHold({ ...state, ledger: withMarks(state.ledger, marks) }, 'not-recovered', LOST));
}

const LOST =
  'a part of the ledger is lost: the last lane is gone, cannot be read, or knew less than one before it (fix: canary lane adopt, then canary lane sequence <n>)';

/** The last lane may have renewed an open lease without a record of it. */
function withOpenLease(state: LaneState): LaneState {
  const { move } = state;
  return move && move.leaseRevokedAt === undefined
    ? { ...state, move: { ...move, leaseGrantedAt: Date.now() } }
    : state;
}

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

/** State in which only the expected latest is known, from the newest move; null if that is unknown. */
async function lastMove(client: Client, lane: Lane): Promise<LaneState | null> {
  for (const { runId, status, closeTime, type, taskQueue: queue } of await listed(client, moveLatestId(lane))) {
    if (type !== WORKFLOWS.move || queue !== taskQueue(lane)) continue;
    const images = status === 'RUNNING' ? null : await movedBy(client, lane, runId);
    if (images?.length === 0) continue;
    if (images === null) return null;
    const why = 'only the last move of the lane is known (fix: canary lane adopt, then canary lane sequence <n>)';
    const state = lost(putOnHold(emptyLane(), 'not-recovered', why));
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
