import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import type { RunRef } from '../src/contract/lane.js';

/** Interval of heartbeats, in milliseconds: a cancel arrives only with a heartbeat, and missing ones show a dead worker. */
export const HEARTBEAT_MS = 1_000;

/** Heartbeats while `run` works. Each heartbeat carries the current `details`, because one without them would erase them. */
export async function withHeartbeat<T>(run: () => Promise<T>, details?: object): Promise<T> {
  const timer = setInterval(() => heartbeat(details), HEARTBEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/**
 * Sleeps with heartbeats, in milliseconds; a worker that is being stopped hands the wait to another one. A cancel of the activity
 * ends it with the failure of the cancel, or, if there is a `wake` signal, only that signal ends it, early and without a failure.
 */
export async function heartbeatSleep(ms: number, details: unknown, { stopping, wake }: SleepSignals): Promise<void> {
  for (let left = ms; left > 0 && !wake?.aborted; left -= HEARTBEAT_MS) {
    if (stopping.aborted)
      throw ApplicationFailure.retryable('this worker is being stopped: another worker continues', 'TimedOut');
    const step = Math.min(left, HEARTBEAT_MS);
    await (wake ? delay(step, undefined, { signal: wake }).catch(() => undefined) : sleep(step));
    heartbeat(details);
  }
}

interface SleepSignals {
  stopping: AbortSignal;
  wake?: AbortSignal;
}

/** Run that this activity belongs to; a standalone activity has none. */
export function ownRun(): RunRef {
  const { workflowId = '', runId = '' } = activityInfo().workflowExecution ?? {};
  return { workflowId, runId };
}

/** Minimum interval of signals to a run, in milliseconds: each adds events to its history. */
const SIGNAL_MS = 15_000;

/** Signals an observation to the own run if it has changed, at most every 15 s. */
export function throttledSignal<T>(client: Client, signal: SignalDefinition<[T]>): (seen: T) => Promise<void> {
  const { workflowId, runId } = ownRun();
  let last = '';
  let sentAt = 0;
  return async (seen) => {
    const text = JSON.stringify(seen);
    if (text === last || Date.now() - sentAt < SIGNAL_MS) return;
    last = text;
    sentAt = Date.now();
    // The signal only refreshes `status`, so its failure is ignored.
    await client.workflow
      .getHandle(workflowId, runId)
      .signal(signal, seen)
      .catch(() => undefined);
  };
}
