import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Authority } from '../src/move/authority.js';
import { MoveRefusal } from '../src/move/gate.js';

export interface RunId {
  workflowId: string;
  runId: string;
}

/** A mover asks in its own name and its parent's; one that was started by hand has none. */
export type AuthorityFor = (mover: RunId, parent: RunId | null) => Authority;

/** One question to Temporal, in milliseconds; a longer answer is asked for again. */
const ASK_MS = 5_000;
const ASK_AGAIN_MS = 200;

/**
 * The rule until the lane gives its word: the mover itself and the run that started it are RUNNING. Once the mover has begun,
 * its parent may be gone: the pair is finished all the same.
 */
export function authorityOfRunningParent(client: Client, silenceMs: number): AuthorityFor {
  return (mover, parent) => ({
    async authorize({ begun }) {
      if (parent === null)
        throw new MoveRefusal('no parent: a move is started by a release or a rollback, not by hand');
      try {
        await requireRunning(client, mover, silenceMs);
        if (!begun) await requireRunning(client, parent, silenceMs);
      } catch (error) {
        // A pair that has begun is not given up for that: the next try goes on with it.
        if (begun || !(error instanceof TemporalSilent)) throw error;
        throw new MoveRefusal(error.message);
      }
    },
    async movedWithin(ms) {
      const since = new Date(Date.now() - ms).toISOString();
      const query = `WorkflowId = '${mover.workflowId}' AND ExecutionStatus = 'Completed' AND CloseTime >= '${since}'`;
      return (await answer(client, silenceMs, () => client.workflow.count(query))).count > 0;
    },
  });
}

/** Temporal did not answer for as long as we wait. */
class TemporalSilent extends Error {
  override readonly name = 'TemporalSilent';
}

async function requireRunning(client: Client, { workflowId, runId }: RunId, silenceMs: number): Promise<void> {
  const describe = () => client.workflow.getHandle(workflowId, runId).describe();
  const status = await answer(client, silenceMs, describe).then(
    (execution) => execution.status.name,
    (error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return 'gone';
      throw error;
    },
  );
  if (status !== 'RUNNING')
    throw new MoveRefusal(`${workflowId} is ${status.toLowerCase()}: it moves nothing any more`);
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
