import { activityInfo } from '@temporalio/activity';

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

/** Time of this machine, epoch in milliseconds, or `scheduledAt` if the machine's clock is behind that. */
export const notBehind = (): number => Math.max(Date.now(), scheduledAt());
