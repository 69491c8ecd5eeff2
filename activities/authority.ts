import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Authority } from '../src/move/authority.js';
import { MoveRefusal } from '../src/move/gate.js';

export interface RunId {
  workflowId: string;
  runId: string;
}

/** The try of the moving activity that asks. */
export interface Mover extends RunId {
  activityId: string;
  attempt: number;
}

/** A mover asks in its own name and its parent's; one that was started by hand has none. */
export type AuthorityFor = (mover: Mover, parent: RunId | null) => Authority;

/** One question to Temporal, in milliseconds; a longer answer is asked for again. */
const ASK_MS = 5_000;
const ASK_AGAIN_MS = 200;

/**
 * The rule until the lane gives its word: the mover itself and the run that started it are RUNNING, and this try of it is the
 * last one: a worker that was away for longer than its beats may be missed wakes up beside the try that took over, and put back
 * under it what that one had moved. Once the mover has begun, its parent may be gone: the pair is finished all the same.
 */
export function authorityOfRunningParent(client: Client, silenceMs: number): AuthorityFor {
  return (mover, parent) => ({
    async authorize({ begun }) {
      if (parent === null)
        throw new MoveRefusal('no parent: a move is started by a release or a rollback, not by hand');
      try {
        // Side by side: a slow answer ages the yes.
        await Promise.all([
          requireLastTry(client, mover, silenceMs),
          begun ? undefined : requireRunning(client, parent, silenceMs),
        ]);
      } catch (error) {
        // A pair that has begun is not given up for that: the next try goes on with it.
        if (begun || !(error instanceof TemporalSilent)) throw error;
        throw new MoveRefusal(error.message);
      }
    },
    async movedWithin(ms) {
      const since = new Date(Date.now() - ms).toISOString();
      const query = `WorkflowId = '${mover.workflowId}' AND ExecutionStatus != 'Running' AND CloseTime >= '${since}'`;
      return (await answer(client, silenceMs, () => client.workflow.count(query))).count > 0;
    },
  });
}

/** Temporal did not answer for as long as we wait. */
class TemporalSilent extends Error {
  override readonly name = 'TemporalSilent';
}

async function requireRunning(client: Client, { workflowId, runId }: RunId, silenceMs: number) {
  const describe = () => client.workflow.getHandle(workflowId, runId).describe();
  const refuse = (status: string) =>
    new MoveRefusal(`${workflowId} is ${status.toLowerCase()}: it moves nothing any more`);
  const execution = await answer(client, silenceMs, describe).catch((error: unknown) => {
    throw error instanceof WorkflowNotFoundError ? refuse('gone') : error;
  });
  if (execution.status.name !== 'RUNNING') throw refuse(execution.status.name);
  return execution;
}

async function requireLastTry(client: Client, mover: Mover, silenceMs: number): Promise<void> {
  const { raw } = await requireRunning(client, mover, silenceMs);
  const pending = raw.pendingActivities?.find(({ activityId }) => activityId === mover.activityId);
  if (pending?.attempt !== mover.attempt)
    throw new MoveRefusal(
      `try ${mover.attempt} of ${mover.workflowId} is over: try ${pending?.attempt ?? 'none'} has taken over`,
    );
}

/** Asks until there is an answer, or nobody answered for `silenceMs`. */
async function answer<T>(client: Client, silenceMs: number, ask: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + silenceMs; ; await delay(ASK_AGAIN_MS))
    try {
      return await client.withDeadline(Math.min(Date.now() + ASK_MS, deadline + ASK_AGAIN_MS), ask);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw error;
      if (Date.now() >= deadline)
        throw new TemporalSilent(
          `Temporal did not say within ${silenceMs / 1000} s whether the move is allowed: ${error}`,
        );
    }
}
