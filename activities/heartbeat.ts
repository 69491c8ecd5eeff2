import { ApplicationFailure, activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import type { RunRef } from '../src/contract/lane.js';

/** Milliseconds between heartbeats: a cancel arrives only with one, and a dead worker is noticed by their absence. */
export const HEARTBEAT_MS = 1_000;

/** Heartbeats while `run` is at work. Each carries the current `details`: a heartbeat without them would erase them. */
export async function withHeartbeat<T>(run: () => Promise<T>, details?: object): Promise<T> {
  const timer = setInterval(() => heartbeat(details), HEARTBEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/** A wait that another worker can go on with does not keep this one from stopping. */
export async function heartbeatSleep(stopping: AbortSignal, ms: number, details: unknown): Promise<void> {
  for (let left = ms; left > 0; left -= HEARTBEAT_MS) {
    if (stopping.aborted)
      throw ApplicationFailure.retryable('this worker is being stopped: another one goes on', 'TimedOut');
    await sleep(Math.min(left, HEARTBEAT_MS));
    heartbeat(details);
  }
}

/** The run that this activity belongs to. A standalone activity has none. */
export function ownRun(): RunRef {
  const { workflowId = '', runId = '' } = activityInfo().workflowExecution ?? {};
  return { workflowId, runId };
}

/** Milliseconds between two signals to a run: each costs its history some events. */
const SIGNAL_MS = 15_000;

/** Tells the run that this activity belongs to what is seen, when that has changed. */
export function throttledSignal<T>(client: Client, signal: SignalDefinition<[T]>): (seen: T) => Promise<void> {
  const { workflowId, runId } = ownRun();
  let last = '';
  let sentAt = 0;
  return async (seen) => {
    const text = JSON.stringify(seen);
    if (text === last || Date.now() - sentAt < SIGNAL_MS) return;
    last = text;
    sentAt = Date.now();
    // It only makes `status` fresher: no reason to fail.
    await client.workflow
      .getHandle(workflowId, runId)
      .signal(signal, seen)
      .catch(() => undefined);
  };
}
