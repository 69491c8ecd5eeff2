import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { DECISION_REFUSED, type FailureType, isFailureType } from '../../src/contract/failures.js';
import { type RefusedMove, refusedMove } from '../../src/contract/move.js';

/** Creates a failure that ends the run. */
export function failure(type: FailureType, message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...(details ? [details] : []));
}

/** Creates a failure that rejects an update and nothing else; the sender reads its message. */
export function rejection(message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, DECISION_REFUSED, ...(details ? [details] : []));
}

/** Rejects a payload that does not parse. A parser that has its own words for that throws a rejection. */
export function parseOrReject<T>(parse: (sent: unknown) => T | null, sent: unknown): T {
  let message: T | null;
  try {
    message = parse(sent);
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    throw rejection(`invalid payload: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (message === null) throw rejection('invalid payload');
  return message;
}

/**
 * Failure under the layers that Temporal wraps around it (child, activity): their message is only "Activity task failed". One of no type of
 * ours was retried until its time was over, whatever it was.
 */
export function unwrapFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && !isOurs(error.cause))
    return failure('TimedOut', `${error.activityType}: ${error.cause.message}`);
  if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && !error.cause.cause)
    return failure('TimedOut', `${error.activityType}: ${error.cause.message} (${error.cause.timeoutType})`);
  if (error instanceof TimeoutFailure && !error.cause) return failure('TimedOut', error.message);
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure || error instanceof TimeoutFailure)
    return unwrapFailure(error.cause);
  throw error;
}

const isOurs = ({ type }: ApplicationFailure) => isFailureType(type) || type === DECISION_REFUSED;

/** Type of a failure, for what follows from it; null for one that ends no run. A lane that did not answer a mover is a step that timed out, because nothing was decided or written. */
export const faultOf = ({ type, details }: ApplicationFailure): FailureType | null => {
  const known = isFailureType(type) ? type : null;
  return known === 'MoveRefused' && isOfSilentLane(details) ? 'TimedOut' : known;
};

const isOfSilentLane = (details: ApplicationFailure['details']) =>
  refusedMove(details?.[0])?.refusal === 'lane-unavailable';

/** Whether a mover ended because the lane did not answer it: nothing was written. */
export const isLaneUnavailable = (error: unknown): boolean => isOfSilentLane(unwrapFailure(error).details);

/** Throws if the run was aborted or cancelled, so that it begins nothing more. */
export function requireNotCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('aborted');
}

/** Repeats a step once if it timed out: this code runs again, so a worker is back. */
export async function retryOnceAfterTimeout<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isCancellation(error) || faultOf(unwrapFailure(error)) !== 'TimedOut') throw error;
    return step();
  }
}
