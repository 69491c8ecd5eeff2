import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { timeNow } from '../src/temporal/faults/server-time.js';

// The clock of a machine may be wrong, and may be set while an activity waits. How long something takes is measured by
// `performance.now()`; a time that another process wrote down is compared with one of these.

/** When Temporal scheduled this attempt, by its own clock, epoch in milliseconds: never after now. */
export const scheduledAt = (): number => activityInfo().currentAttemptScheduledTimestampMs;

/**
 * Clock of this attempt, epoch in milliseconds: `scheduledAt`, and what has passed since the call. It is never ahead of Temporal's, and
 * behind it by the wait for a worker: what is old by this clock is old.
 */
export function attemptClock(): () => number {
  const from = scheduledAt() - performance.now();
  return () => from + performance.now();
}

/** Clocks of the attempts that have asked for `temporalNow`. */
const clocks = new WeakMap<object, () => number>();

/** Temporal's time as far as this worker knows it, epoch in milliseconds: `timeNow`, and not before that of an `attemptClock`. */
export function temporalNow(client: Client): number {
  const attempt = activityInfo();
  const clock = clocks.get(attempt) ?? attemptClock();
  clocks.set(attempt, clock);
  return Math.max(timeNow(client), clock());
}

/** How long Temporal may take to tell of the attempt before, in milliseconds. */
const DESCRIBE_MS = 5_000;

/**
 * Milliseconds from the last heartbeat of the attempt before to the start of this one, by Temporal's clock alone: a machine that is paused
 * whole goes on with clocks that know nothing of it. Null if Temporal does not tell, as once this attempt has sent a heartbeat.
 */
export async function silentBefore(client: Client): Promise<number | null> {
  const { workflowExecution: run, activityId, attempt, scheduledTimestampMs } = activityInfo();
  if (!run) return null;
  const { raw } = await client
    .withDeadline(Date.now() + DESCRIBE_MS, () => client.workflow.getHandle(run.workflowId, run.runId).describe())
    .catch(() => ({ raw: null }));
  const own = raw?.pendingActivities?.find((one) => one.activityId === activityId && one.attempt === attempt);
  const started = optionalTsToMs(own?.lastStartedTime);
  const silentMs = (started ?? 0) - (optionalTsToMs(own?.lastHeartbeatTime) ?? scheduledTimestampMs);
  return silentMs < 0 ? null : silentMs;
}
