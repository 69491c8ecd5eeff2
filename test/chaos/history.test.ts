import { defaultPayloadConverter } from '@temporalio/common';
import { expect, test } from 'vitest';
import { runOf } from '../../chaos/bed/history.js';
import type { Evidence } from '../../chaos/checker/evidence.js';
import { lost } from '../../chaos/checker/whole.js';

// Events as `fetchHistory` decodes them: enums are numbers.
const payloads = (value: unknown) => ({ payloads: [defaultPayloadConverter.toPayload(value)] });
const started = { workflowExecutionStartedEventAttributes: { workflowType: { name: 'ReleaseLane' } } };
const accepted = (eventId: number, name: string) => ({
  eventId: eventId as never,
  workflowExecutionUpdateAcceptedEventAttributes: {
    acceptedRequest: { input: { name, args: payloads({ by: 'ada', reason: 'looked at it' }) } },
  },
});
const eventsOf = (...events: Parameters<typeof runOf>[2]) =>
  runOf('b', 'run of b', [started, ...events]).events.slice(1);

const lostOf = (cause: number) => {
  const failure = { message: '[TMPRL1100] Nondeterminism error: no command for event 12', source: 'TypeScriptSDK' };
  const run = runOf('b', 'run of b', [started, { workflowTaskFailedEventAttributes: { cause, failure } }]);
  return lost({ runs: [run] } as unknown as Evidence).map(({ what }) => what);
};

test('a lane whose code does not replay is found by the cause of its failed workflow task, not by the message', () => {
  expect(lostOf(24)).toEqual(['b does not replay']);
  expect(lostOf(23)).toEqual([]);
});

test('an update whose handler refused it is marked, and one that was taken is not', () => {
  const answer = (acceptedEventId: number, outcome: object) => ({
    workflowExecutionUpdateCompletedEventAttributes: { acceptedEventId: acceptedEventId as never, outcome },
  });
  const [taken, refused] = eventsOf(
    accepted(2, 'approve'),
    accepted(3, 'approve'),
    answer(2, { success: payloads('approve accepted') }),
    answer(3, { failure: { message: 'approve refused: that hold has ended' } }),
  );
  expect(taken).toMatchObject({ type: 'WorkflowExecutionUpdateAccepted', name: 'approve', by: 'ada' });
  expect(taken).not.toHaveProperty('isRefused');
  expect(refused).toMatchObject({ name: 'approve', isRefused: true });
});

test('an activity that publishes a decision or an alarm is named by it', () => {
  const publishes = (...events: object[]) => ({
    activityTaskScheduledEventAttributes: { activityType: { name: 'publish' }, input: payloads(events) },
  });
  const found = eventsOf(
    publishes({ type: 'phase-entered' }, { type: 'decided', decision: 'approve', by: 'ada' }),
    publishes({ type: 'alarm', alarm: 'starved' }),
    publishes({ type: 'phase-entered' }),
  );
  expect(found.map(({ name, by }) => [name, by])).toEqual([
    ['decided approve', 'ada'],
    ['alarm starved', null],
    ['publish', null],
  ]);
});
