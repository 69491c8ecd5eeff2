import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { FailureType } from '../../src/contract/failures.js';
import type { RefusedMove } from '../../src/contract/move.js';

/** A failure that this run itself decides on. */
export function failure(type: FailureType, message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...(details ? [details] : []));
}

/** Fails an update and nothing else; its sender reads the message. */
export function rejection(message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'DecisionRefused', ...(details ? [details] : []));
}

/** Rejects a payload that does not parse: any other error would fail the workflow task again and again (docs/protocol.md, Messages that cannot break a run). */
export function parseOrReject<T>(parse: (sent: unknown) => T, sent: unknown): T {
  try {
    return parse(sent);
  } catch (error) {
    throw rejection(`invalid payload: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The failure under the layers that Temporal puts around it (child, activity, application): people would read "Activity task failed". */
export function unwrapFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && !error.cause.cause)
    return failure('TimedOut', `${error.activityType}: ${error.cause.message} (${error.cause.timeoutType})`);
  if (error instanceof TimeoutFailure && !error.cause) return failure('TimedOut', error.message);
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure || error instanceof TimeoutFailure)
    return unwrapFailure(error.cause);
  throw error;
}

/** Begins nothing more in a run that was aborted or cancelled. */
export function requireNotCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('aborted');
}

/** Repeats a step once that no worker took in time: that this code runs shows that a worker is back. */
export async function retryOnceAfterTimeout<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isCancellation(error) || unwrapFailure(error).type !== 'TimedOut') throw error;
    return step();
  }
}
