import {
  Client,
  isGrpcDeadlineError,
  QueryRejectedError,
  WithStartWorkflowOperation,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, type SignalDefinition, type UpdateDefinition } from '@temporalio/common';
import { type Lane, releaseLaneId, taskQueue } from '../contract/ids.js';
import type { LaneRequest, LaneState, RunStanding, StandingRequest } from '../contract/lane.js';
import {
  joinQueueSignal,
  type LaneCommand,
  laneCommandUpdate,
  laneQuery,
  standingQuery,
} from '../contract/messages.js';
import { type MoveRefusalReason, refusedMove } from '../contract/move.js';
import { workersOn } from './pollers.js';
import { findRun, isUnanswered, queryWithin, retryLostUpdate } from './runs.js';

/** One question to the lane, in milliseconds: through a continue-as-new it would hang (protocol §2). */
const QUERY_TIMEOUT_MS = 1_300;
const UPDATE_TIMEOUT_MS = 5_000;

/** The lane said no, in words. */
export class LaneRefused extends Error {
  override readonly name = 'LaneRefused';
  constructor(
    message: string,
    readonly refusal?: MoveRefusalReason,
  ) {
    super(message);
  }
}

/** Talks to the lane; one that is not there is started, and recovers what the last one knew. */
export interface LaneClient {
  /** All that an open lane knows; null when none is open, none answers, or it knows nothing yet. */
  state(): Promise<LaneState | null>;
  /** Where one run stands with an open lane; null when none is open, none answers, or it knows nothing yet. */
  standing(request: StandingRequest): Promise<RunStanding | null>;
  /** The run id of the open lane; null when none is. */
  openRun(): Promise<string | null>;
  /** Puts a release into the queue; idempotent by its run id. */
  enqueue(request: LaneRequest): Promise<void>;
  /** Says something once, and gives its answer.
   * @throws {LaneRefused}; what Temporal says when the lane does not answer in time. */
  update<R, A>(update: UpdateDefinition<R, [A]>, arg: A): Promise<R>;
  /** The same where nobody has to answer: needs no worker. */
  signal<A>(signal: SignalDefinition<[A]>, arg: A): Promise<void>;
}

export function laneClient({ connection, options: { namespace } }: Client, lane: Lane): LaneClient {
  const client = new Client({
    connection,
    namespace,
    workflow: {
      queryRejectCondition: 'NOT_OPEN',
    },
  });
  const workflowId = releaseLaneId(lane);
  const start = { workflowId, taskQueue: taskQueue(lane), workflowTaskTimeout: '2s' as const, args: [] };
  const signal = async <A>(signal: SignalDefinition<[A]>, arg: A) => {
    await client.workflow.signalWithStart('ReleaseLane', { ...start, signal, signalArgs: [arg] as [A] });
  };
  const ask = async <T>(query: (handle: WorkflowHandle) => Promise<T | null>): Promise<T | null> => {
    const handle = client.workflow.getHandle(workflowId);
    try {
      return await queryWithin(client, QUERY_TIMEOUT_MS, () => query(handle));
    } catch (error) {
      if (error instanceof QueryRejectedError || error instanceof WorkflowNotFoundError || isUnanswered(error))
        return null;
      throw error;
    }
  };
  return {
    state: () => ask((handle) => handle.query(laneQuery)),
    standing: (request) => ask((handle) => handle.query(standingQuery, request)),
    async openRun() {
      const run = await findRun(client, workflowId);
      return run?.status.name === 'RUNNING' ? run.runId : null;
    },
    enqueue: (request) => signal(joinQueueSignal, request),
    signal,
    update: <R, A>(update: UpdateDefinition<R, [A]>, arg: A): Promise<R> =>
      retryLostUpdate(() => updateOnce(update, arg)),
  };

  async function updateOnce<R, A>(update: UpdateDefinition<R, [A]>, arg: A): Promise<R> {
    const startWorkflowOperation = new WithStartWorkflowOperation('ReleaseLane', {
      ...start,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    try {
      return await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
        client.workflow.executeUpdateWithStart(update, {
          args: [arg] as [A],
          startWorkflowOperation,
        }),
      );
    } catch (error) {
      const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
      if (cause instanceof ApplicationFailure && cause.type === 'DecisionRefused')
        throw new LaneRefused(cause.message, refusedMove(cause.details?.[0])?.refusal);
      throw error;
    }
  }
}

/** Whether any run of the lane, open or closed, is left. Listing alone lags; asking alone misses the others when the last one was deleted. */
export async function laneEverRan(client: Client, lane: Lane): Promise<boolean> {
  const workflowId = releaseLaneId(lane);
  if ((await findRun(client, workflowId)) !== null) return true;
  return (await client.workflow.count(`WorkflowId = '${workflowId}'`)).count > 0;
}

/** Says something to the lane and gives back its answer, taken or refused.
 * @throws when nobody is there, or nobody in time, to have it answer. */
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
    // A worker that has just gone is listed for minutes.
    throw new Error(LANE_UNAVAILABLE.silent, { cause: error });
  }
}

const isTimeout = (error: unknown) =>
  error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  (error instanceof Error && isGrpcDeadlineError(error.cause));

/** A lane that does not tell its state, in words. */
export const LANE_UNAVAILABLE = {
  none: 'there is no lane yet: canary setup',
  closed: 'the lane was ended: the next release starts it again, and it recovers what it knew',
  silent: 'the lane does not answer: no worker serves it (canary worker), or it is stuck (canary doctor)',
} as const;

export type LaneUnavailable = keyof typeof LANE_UNAVAILABLE;
