import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';

/** A run is told at most this often, in milliseconds: each time costs its history some events. */
const TELL_MS = 15_000;

/** Tells the run that this activity belongs to what is seen, when that has changed. */
export function teller<T>(client: Client, signal: string): (seen: T) => Promise<void> {
  const { workflowId, runId } = activityInfo().workflowExecution ?? { workflowId: '', runId: '' };
  let last = '';
  let toldAt = 0;
  return async (seen) => {
    const text = JSON.stringify(seen);
    if (text === last || Date.now() - toldAt < TELL_MS) return;
    last = text;
    toldAt = Date.now();
    // It only makes `status` fresher: no reason to fail.
    await client.workflow
      .getHandle(workflowId, runId)
      .signal(signal, seen)
      .catch(() => undefined);
  };
}
