import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import type { FailureType } from '../src/contract/failures.js';
import type { RunRef } from '../src/contract/lane.js';
import { unlessAborted } from '../src/net/deadline.js';
import { followHistory, type HistoryEvent } from '../src/temporal/records/follow.js';

/** Interval of heartbeats of an activity that works, in milliseconds: a cancel arrives only with a heartbeat, and missing ones show a dead worker. */
export const HEARTBEAT_MS = 1_000;
/** Time before its heartbeat time-out at which an activity that waits sends a heartbeat, in milliseconds: for a slow network or worker. */
const MARGIN_MS = 5_000;

/** Interval of heartbeats of an activity that waits, in milliseconds: each one is an Action, and it only shows a dead worker. */
export const waitHeartbeatMs = () => Math.max(HEARTBEAT_MS, (activityInfo().heartbeatTimeoutMs ?? 0) - MARGIN_MS);

/** Heartbeats while `run` works. Each heartbeat carries the current `details`, because one without them would erase them. */
export async function withHeartbeat<T>(run: () => Promise<T>, details?: object, everyMs = HEARTBEAT_MS): Promise<T> {
  const timer = setInterval(() => heartbeat(details), everyMs);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/** Wait of an activity. */
export interface Wait {
  /** Details of the next heartbeat: what `note` set last, or those of the attempt before. */
  noted(): unknown;
  /** Sets the details of the next heartbeats; until then they are those of the attempt before. */
  note(details: unknown): void;
  /**
   * Sleeps, in milliseconds; a worker that is being stopped hands the wait to another one. A cancel of the activity ends it with
   * the failure of the cancel, or, if there is a `wake` signal, only that signal ends it, early and without a failure.
   */
  sleep(ms: number, wake?: AbortSignal): Promise<void>;
}

interface WaitDependencies {
  client: Client;
  stopping: AbortSignal;
}

/** Runs an activity that mostly waits: heartbeats as rarely as its time-out allows, and at once when its run asks for a cancel. */
export async function whileWaiting<T>(
  { client, stopping }: WaitDependencies,
  run: (wait: Wait) => Promise<T>,
): Promise<T> {
  let details: unknown = activityInfo().heartbeatDetails;
  const beat = () => heartbeat(details);
  const timer = setInterval(beat, waitHeartbeatMs());
  const ended = new AbortController();
  if (followed < MAX_FOLLOWED) {
    followed += 1;
    void beatOnCancel(client, beat, ended.signal).finally(() => {
      followed -= 1;
    });
  }
  try {
    return await run({
      noted: () => details,
      note(now) {
        details = now;
      },
      async sleep(ms, wake) {
        if (!(await sleepInSteps(ms, stopping, wake))) return;
        // The next attempt begins with what this one knows.
        beat();
        const why = 'this worker is being stopped: another worker continues';
        throw ApplicationFailure.retryable(why, 'TimedOut' satisfies FailureType);
      },
    });
  } finally {
    clearInterval(timer);
    ended.abort();
  }
}

/** Step of a sleep, in milliseconds: how soon it notices that its worker is being stopped. */
const STEP_MS = 1_000;

/** @returns whether the worker is being stopped. */
async function sleepInSteps(ms: number, stopping: AbortSignal, wake?: AbortSignal): Promise<boolean> {
  for (let left = ms; left > 0 && !wake?.aborted; left -= STEP_MS) {
    if (stopping.aborted) return true;
    const step = Math.min(left, STEP_MS);
    await (wake ? delay(step, undefined, { signal: wake }).catch(() => undefined) : sleep(step));
  }
  return false;
}

/** Pause between two long polls, in milliseconds: events come in groups. */
const GROUP_MS = 200;
/** Most activities of a worker that follow their runs; a cancel reaches others with a heartbeat. A server takes 1,200 long polls of histories in a namespace, and those that follow a holder need them. */
const MAX_FOLLOWED = 100;
let followed = 0;

/** Heartbeats when the history of the own run shows a cancel or its end, since the answer to a heartbeat brings it; each second if the history cannot be followed. */
async function beatOnCancel(client: Client, beat: () => void, ended: AbortSignal): Promise<void> {
  const { activityId } = activityInfo();
  let scheduled: string | undefined;
  const isOwnCancel = (event: HistoryEvent) => {
    if (event.activityTaskScheduledEventAttributes?.activityId === activityId) scheduled = String(event.eventId);
    const cancelled = event.activityTaskCancelRequestedEventAttributes?.scheduledEventId;
    return cancelled != null && String(cancelled) === scheduled;
  };
  for (let next = followHistory(client, ownRun()); ; ) {
    await delay(GROUP_MS, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    // A race with a promise of the whole wait would keep the events of each long poll until its end.
    const events = await unlessAborted(next(), ended).catch(() => null);
    if (ended.aborted) return;
    if (events === null || events.filter(isOwnCancel).length > 0) beat();
    if (events !== null) continue;
    await delay(HEARTBEAT_MS, undefined, { signal: ended }).catch(() => undefined);
    next = followHistory(client, ownRun());
  }
}

/** Run that this activity belongs to; a standalone activity has none. */
export function ownRun(): RunRef {
  const { workflowId = '', runId = '' } = activityInfo().workflowExecution ?? {};
  return { workflowId, runId };
}

/** Minimum interval of signals to a run, in milliseconds: each adds events to its history. */
const SIGNAL_MS = 15_000;

/** Signals an observation to the own run if it has changed, at most every 15 s. `isKnown`: whether the run knows the first one already. */
export function throttledSignal<T>(
  client: Client,
  signal: SignalDefinition<[T]>,
): (seen: T, isKnown?: boolean) => Promise<void> {
  const { workflowId, runId } = ownRun();
  let last = '';
  let sentAt = Number.NEGATIVE_INFINITY;
  return async (seen, isKnown = false) => {
    const text = JSON.stringify(seen);
    if (isKnown) last = text;
    if (text === last || performance.now() - sentAt < SIGNAL_MS) return;
    last = text;
    sentAt = performance.now();
    // The signal only refreshes `status`, so its failure is ignored.
    await client.workflow
      .getHandle(workflowId, runId)
      .signal(signal, seen)
      .catch(() => undefined);
  };
}
