import { Client, isGrpcServiceError, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, type SignalDefinition, type UpdateDefinition } from '@temporalio/common';
import { DECISION_REFUSED } from '../contract/failures.js';
import { type Lane, releaseLaneId, taskQueue, WORKFLOWS } from '../contract/ids.js';
import type { LaneRequest, LaneState, PositionRequest, RunPosition } from '../contract/lane.js';
import { joinQueueSignal, type LaneCommand, laneCommandUpdate } from '../contract/messages.js';
import { type MoveRefusalReason, refusedMove } from '../contract/move.js';
import { positionAt, positionOf } from '../lane/position.js';
import { timeNow } from './faults/server-time.js';
import { PayloadUnreadable } from './payloads/codec.js';
import { workersOn } from './pollers.js';
import { laneReader } from './records/lane-reader.js';
import { findRun, isOpen, isTimeout, isUnanswered, retryLostUpdate } from './runs.js';

/** Time limit of reading the state, in milliseconds: of what is shown again and again. */
const READ_TIMEOUT_MS = 2_000;
/** The same for a person who decides by the ledger, in milliseconds: a slow server may need it for a long history. */
export const LONG_READ_MS = 10_000;
/** Time limit of one update, in milliseconds: longer than `STICKY_MS` and a replay, for a worker may just have died. */
export const UPDATE_TIMEOUT_MS = 5_000;
/** How long a query or update waits for the worker that had the run, before another one replays it, in milliseconds. */
export const STICKY_MS = 2_000;

/**
 * Time-out of a workflow task of the lane, in milliseconds. A frozen worker holds a task for as long, so it is short; but a worker that starts
 * replays the whole run within it, and one that cannot, on a loaded machine, would never get the lane going again.
 */
export const LANE_TASK_TIMEOUT = 5_000;
/** Longest replay of a lane on a loaded machine, in milliseconds. */
export const REPLAY_MS = 2_500;
/** Time after which a lane answers whose worker died while it held its task, in milliseconds: the server waits for that task first. */
export const LANE_ANSWER_MS = LANE_TASK_TIMEOUT + REPLAY_MS;

/** The lane refused; `refusal` is the reason if a move was refused. */
export class LaneRefused extends Error {
  override readonly name = 'LaneRefused';
  constructor(
    message: string,
    readonly refusal?: MoveRefusalReason,
  ) {
    super(message);
  }
}

/** Messages to the lane. A lane that is not running is started, and recovers the ledger of the previous one. */
export interface LaneClient {
  /** The state of the running lane, which must not be changed, whether or not a worker serves it; null if none is running, the server does not answer, it has not recovered yet, or a key is missing. */
  state(): Promise<LaneState | null>;
  /** The position of one run in the running lane; null as above. */
  position(request: PositionRequest): Promise<RunPosition | null>;
  /** The run id of the running lane; null if there is none. */
  openRun(): Promise<string | null>;
  /** Starts the lane unless one is open: only a message would, and a reader sends none. */
  begin(): Promise<void>;
  /** Starts the lane again if its last run has ended; one that never ran has nothing to do. */
  beginAgain(): Promise<void>;
  /** Puts a release into the queue; idempotent by its run id. */
  joinQueue(request: LaneRequest): Promise<void>;
  /** Sends an update once, and resolves to its answer. `withinMs`: 5 s if left out.
   * @throws {LaneRefused}; an error of Temporal if the lane does not answer in time. */
  update<R, A>(update: UpdateDefinition<R, [A]>, arg: A, withinMs?: number): Promise<R>;
  /** Sends a signal: needs no worker, and has no answer. */
  signal<A>(signal: SignalDefinition<[A]>, arg: A): Promise<void>;
}

const plains = new WeakMap<Client, Client>();

/** The client without its interceptors: one for the lanes of all gates. */
function plainOf(given: Client): Client {
  const { connection, options } = given;
  const { namespace, loadedDataConverter: dataConverter } = options;
  const plain = plains.get(given) ?? new Client({ connection, namespace, dataConverter });
  plains.set(given, plain);
  return plain;
}

/** The state of the running lane, as `LaneClient.state`.
 * @throws {PayloadUnreadable} while a key is missing that encrypted a part of it. */
export async function laneState(client: Client, lane: Lane, readMs = READ_TIMEOUT_MS): Promise<LaneState | null> {
  try {
    return await client.withDeadline(Date.now() + readMs, laneReader(client, lane));
  } catch (error) {
    if (isUnanswered(error) || isGrpcServiceError(error)) return null;
    throw error;
  }
}

/** @param readMs time limit of reading the state, in milliseconds. */
export function laneClient(given: Client, lane: Lane, readMs = READ_TIMEOUT_MS): LaneClient {
  const client = plainOf(given);
  const workflowId = releaseLaneId(lane);
  const start = { workflowId, taskQueue: taskQueue(lane), workflowTaskTimeout: LANE_TASK_TIMEOUT, args: [] };
  const signal = async <A>(signal: SignalDefinition<[A]>, arg: A) => {
    await client.workflow.signalWithStart(WORKFLOWS.lane, { ...start, signal, signalArgs: [arg] as [A] });
  };
  const state = () =>
    laneState(given, lane, readMs).catch((error: unknown) => {
      if (error instanceof PayloadUnreadable) return null;
      throw error;
    });
  const openRun = async () => {
    const run = await findRun(client, workflowId);
    return run && isOpen(run) ? run.runId : null;
  };
  const startRun = async () => {
    await client.workflow.start(WORKFLOWS.lane, { ...start, workflowIdConflictPolicy: 'USE_EXISTING' });
  };
  return {
    state,
    async position(request) {
      const now = await state();
      return now && positionAt(positionOf(now, request), timeNow(client));
    },
    openRun,
    async begin() {
      // Who waits for the lane calls this several times a second: one that is open gets no request to start.
      if ((await openRun()) === null) await startRun();
    },
    async beginAgain() {
      const run = await findRun(client, workflowId);
      if (run && !isOpen(run)) await startRun();
    },
    joinQueue: (request) => signal(joinQueueSignal, request),
    signal,
    update: <R, A>(update: UpdateDefinition<R, [A]>, arg: A, withinMs = UPDATE_TIMEOUT_MS): Promise<R> =>
      retryLostUpdate(() => updateOnce(update, arg, withinMs)),
  };

  async function updateOnce<R, A>(update: UpdateDefinition<R, [A]>, arg: A, withinMs: number): Promise<R> {
    const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.lane, {
      ...start,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    try {
      return await client.withDeadline(Date.now() + withinMs, () =>
        client.workflow.executeUpdateWithStart(update, {
          args: [arg] as [A],
          startWorkflowOperation,
        }),
      );
    } catch (error) {
      const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
      if (cause instanceof ApplicationFailure && cause.type === DECISION_REFUSED)
        throw new LaneRefused(cause.message, refusedMove(cause.details?.[0])?.refusal);
      throw error;
    }
  }
}

/** Whether the server keeps any run of the lane, open or closed. A list lags; a description misses the others if the latest run was deleted. */
export async function laneEverRan(client: Client, lane: Lane): Promise<boolean> {
  const workflowId = releaseLaneId(lane);
  if ((await findRun(client, workflowId)) !== null) return true;
  return (await client.workflow.count(`WorkflowId = '${workflowId}'`)).count > 0;
}

/** Sends a command to the lane and resolves to its answer, taken or refused.
 * @throws if no worker polls, or the lane does not answer in time. */
export async function sendLaneCommand(
  client: Client,
  lane: Lane,
  command: LaneCommand,
  args: object,
): Promise<{ taken: boolean; answer: string }> {
  const [name, queue] = [releaseLaneId(lane), taskQueue(lane)];
  if ((await workersOn(client, queue)).length === 0)
    throw new Error(`no worker polls ${queue}, so ${name} cannot answer: canary worker`);
  try {
    return { taken: true, answer: await laneClient(client, lane).update(laneCommandUpdate(command), args) };
  } catch (error) {
    if (error instanceof LaneRefused) return { taken: false, answer: error.message };
    if (!isTimeout(error)) throw error;
    // The server lists a worker for minutes after it has stopped.
    throw new Error(LANE_UNAVAILABLE.silent, { cause: error });
  }
}

/** Why a lane has no state to read, a sentence each. */
export const LANE_UNAVAILABLE = {
  none: 'there is no lane yet: canary setup',
  closed:
    'the lane has ended: the next release, or the check for drift every 5 minutes, starts it again, and it recovers its ledger',
  unreadable:
    'the lane is encrypted with a key that CANARY_PAYLOAD_KEY_FILE does not have here: canary doctor names the key',
  silent: 'the lane does not answer: start a worker (canary worker); if one is running, canary doctor names the cause',
} as const;

export type LaneUnavailable = keyof typeof LANE_UNAVAILABLE;
