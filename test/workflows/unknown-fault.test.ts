import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import { expect, test } from 'vitest';
import { faultOf, unwrapFailure } from '../../workflows/shared/failures.js';

/** Failure of an activity that was retried until its time was over. */
const ofActivity = (cause: Error) =>
  new ActivityFailure('Activity task failed', 'smokeTenant', '1', RetryState.TIMEOUT, 'worker-1', cause);
const ofChild = (cause: Error) =>
  new ChildWorkflowFailure(
    'default',
    { workflowId: 'move-latest', runId: 'm' },
    'MoveLatest',
    RetryState.TIMEOUT,
    cause,
  );

test('a step that fails with an error of no type of ours until its time is over has timed out: it ends no run as anything else', () => {
  const unknown = ApplicationFailure.fromError(new TypeError('suite.checks is not iterable'));
  expect(unknown.type).toBe('TypeError');
  for (const error of [ofActivity(unknown), ofChild(ofActivity(unknown))]) {
    const failure = unwrapFailure(error);
    expect(faultOf(failure)).toBe('TimedOut');
    expect(failure.message).toBe('smokeTenant: suite.checks is not iterable');
  }
});

test('a failure of ours, and a time-out, stay what they are', () => {
  const ours = ApplicationFailure.nonRetryable('red', 'CanaryRejected');
  expect(unwrapFailure(ofChild(ofActivity(ours)))).toBe(ours);
  const late = ofActivity(new TimeoutFailure('activity timed out', undefined, 'SCHEDULE_TO_CLOSE'));
  expect(faultOf(unwrapFailure(late))).toBe('TimedOut');
});
