import {
  Client,
  isGrpcDeadlineError,
  QueryRejectedError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, type UpdateDefinition } from '@temporalio/common';
import { type Lane, releaseLaneId, taskQueue } from '../contract/ids.js';
import type { Ask, LaneState } from '../contract/lane.js';
import { workersOn } from './pollers.js';
import { findRun, isSilence, queryWithin, saidAgain } from './runs.js';

/** One question to the lane, in milliseconds: through a continue-as-new it would hang (protocol §2). */
const QUERY_MS = 1_300;
const UPDATE_MS = 5_000;

/** The lane said no, in words. */
export class LaneRefused extends Error {
  override readonly name = 'LaneRefused';
}

/** Talks to the lane; one that is not there is started, and recovers what the last one knew. */
export interface LaneClient {
  /** All that an open lane knows; null when none is open, none answers, or it knows nothing yet. */
  state(): Promise<LaneState | null>;
  /** The run id of the open lane; null when none is. */
  openRun(): Promise<string | null>;
  /** Puts a release into the queue; idempotent by its run id. */
  ask(asked: Ask): Promise<void>;
  /** Says something once, and gives its answer.
   * @throws {LaneRefused}; what Temporal says when the lane does not answer in time. */
  update<R>(name: string, arg: unknown): Promise<R>;
  /** The same where nobody has to answer: needs no worker. */
  signal(name: string, arg: unknown): Promise<void>;
}

export function laneClient({ connection, options: { namespace } }: Client, lane: Lane): LaneClient {
  const open = new Client({
    connection,
    namespace,
    workflow: {
      queryRejectCondition: 'NOT_OPEN',
    },
  });
  const workflowId = releaseLaneId(lane);
  const start = { workflowId, taskQueue: taskQueue(lane), workflowTaskTimeout: '2s' as const, args: [] };
  const signal = async (signal: string, arg: unknown) => {
    await open.workflow.signalWithStart('ReleaseLane', { ...start, signal, signalArgs: [arg] });
  };
  return {
    async state() {
      const handle = open.workflow.getHandle(workflowId);
      try {
        return await queryWithin(open, QUERY_MS, () => handle.query<LaneState | null>('lane'));
      } catch (error) {
        if (error instanceof QueryRejectedError || error instanceof WorkflowNotFoundError || isSilence(error))
          return null;
        throw error;
      }
    },
    async openRun() {
      const run = await findRun(open, workflowId);
      return run?.status.name === 'RUNNING' ? run.runId : null;
    },
    ask: (asked) => signal('ask', asked),
    signal,
    update: <R>(name: string, arg: unknown): Promise<R> => saidAgain(() => updateOnce<R>(name, arg)),
  };

  async function updateOnce<R>(name: string, arg: unknown): Promise<R> {
    const startWorkflowOperation = new WithStartWorkflowOperation('ReleaseLane', {
      ...start,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    try {
      return await open.withDeadline(Date.now() + UPDATE_MS, () =>
        open.workflow.executeUpdateWithStart({ type: 'update', name } as UpdateDefinition<R, [unknown]>, {
          args: [arg],
          startWorkflowOperation,
        }),
      );
    } catch (error) {
      const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
      if (cause instanceof ApplicationFailure && cause.type === 'DecisionRefused') throw new LaneRefused(cause.message);
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
export async function sayToLane(
  client: Client,
  lane: Lane,
  verb: string,
  said: object,
): Promise<{ taken: boolean; answer: string }> {
  const [name, queue] = [releaseLaneId(lane), taskQueue(lane)];
  if ((await workersOn(client, queue)).length === 0)
    throw new Error(`no worker polls ${queue}, so ${name} cannot answer: canary worker`);
  try {
    return { taken: true, answer: await laneClient(client, lane).update<string>(verb, said) };
  } catch (error) {
    if (error instanceof LaneRefused) return { taken: false, answer: error.message };
    if (!isLate(error)) throw error;
    // A worker that has just gone is listed for minutes.
    throw new Error(LANE_SAYS_NOTHING.silent, { cause: error });
  }
}

const isLate = (error: unknown) =>
  error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  (error instanceof Error && isGrpcDeadlineError(error.cause));

/** A lane that does not tell its state, in words. */
export const LANE_SAYS_NOTHING = {
  none: 'there is no lane yet: canary setup',
  closed: 'the lane was ended: the next release starts it again, and it recovers what it knew',
  silent: 'the lane does not answer: no worker serves it (canary worker), or it is stuck (canary doctor)',
} as const;

export type NoLane = keyof typeof LANE_SAYS_NOTHING;
