import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { expect, test } from 'vitest';
import { announcedOf, runOf, textOf } from '../../chaos/bed/history.js';
import { lost } from '../../chaos/checker/ends.js';
import type { Evidence } from '../../chaos/checker/evidence.js';
import { secrets } from '../../chaos/checker/secrets.js';

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

const lostOf = (cause: number, message = '[TMPRL1100] Nondeterminism error: no command for event 12') => {
  const failure = { message, source: 'TypeScriptSDK' };
  const run = runOf('b', 'run of b', [started, { workflowTaskFailedEventAttributes: { cause, failure } }]);
  return lost({ runs: [run] } as unknown as Evidence).map(({ what }) => what);
};

test('a lane whose code does not replay is found by the cause of its failed workflow task, not by the message', () => {
  expect(lostOf(24)).toEqual(['b does not replay']);
  expect(lostOf(23)).toEqual([]);
});

test('a workflow task that failed by an error of the code is found, and one of a worker without CPU, or of the SDK, is not', () => {
  expect(lostOf(14, 'x is not a function')).toEqual(['b failed a workflow task']);
  expect(lostOf(14, '[TMPRL1101] Potential deadlock detected: workflow did not yield within 5s')).toEqual([]);
  expect(lostOf(14, 'Script execution timed out after 5000ms')).toEqual([]);
  expect(lostOf(14, 'Unexpected notifyHasPatch job on non-replay activation')).toEqual([]);
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
    publishes({ type: 'alarm', alarm: 'consecutive-preemptions' }),
    publishes({ type: 'phase-entered' }),
  );
  expect(found.map(({ name, by }) => [name, by])).toEqual([
    ['decided approve', 'ada'],
    ['alarm consecutive-preemptions', null],
    ['publish', null],
  ]);
});

test('a hold, the decision that names it, and an alarm with its answer are read with their ids', () => {
  const published = (eventId: number, ...events: object[]) => ({
    eventId: eventId as never,
    activityTaskScheduledEventAttributes: { activityType: { name: 'publish' }, input: payloads(events) },
  });
  const decided = {
    workflowExecutionUpdateAcceptedEventAttributes: {
      acceptedRequest: { input: { name: 'approve', args: payloads({ by: 'ada', reason: 'x', hold: 'h2' }) } },
    },
  };
  const answered = (scheduledEventId: number) => ({
    activityTaskCompletedEventAttributes: { scheduledEventId: scheduledEventId as never },
  });
  const found = eventsOf(
    published(2, { type: 'held', hold: 'approval', holdId: 'h2' }),
    decided,
    published(4, { type: 'alarm', alarm: 'move-split', id: 'r-3' }),
    published(5, { type: 'alarm', alarm: 'move-split', id: 'r-4' }),
    answered(4),
  );
  expect(found.map(({ name, hold, alarm, isDone }) => [name, hold ?? alarm, isDone ?? false])).toEqual([
    ['held', 'h2', false],
    ['approve', 'h2', false],
    ['alarm move-split', 'r-3', true],
    ['alarm move-split', 'r-4', false],
    ['', undefined, false],
  ]);
});

test('the outcome of a run is that of its result, and a mover has none', () => {
  const outcomeOf = (result: unknown) =>
    runOf('b', 'run of b', [started, { workflowExecutionCompletedEventAttributes: { result: payloads(result) } }])
      .outcome;
  expect(outcomeOf({ outcome: 'promoted', why: 'x' })).toBe('promoted');
  expect(outcomeOf([{ repository: 'a', result: 'promoted' }])).toBe(null);
  expect(runOf('b', 'run of b', [started]).outcome).toBe(null);
});

test('a secret in an update, a signal, a memo or the input of an activity is found in the history as a client gets it', () => {
  const { HistoryEvent } = proto.temporal.api.history.v1;
  const secret = 'wq3-A-secret-of-a-gate_77';
  const inPayloads = payloads({ token: secret });
  const inBase64 = payloads({ auth: Buffer.from(`user:${secret}`).toString('base64') });
  const events = [
    { workflowExecutionSignaledEventAttributes: { input: inPayloads } },
    { workflowExecutionUpdateAcceptedEventAttributes: { acceptedRequest: { input: { args: inPayloads } } } },
    { activityTaskScheduledEventAttributes: { input: inBase64 } },
    { workflowExecutionStartedEventAttributes: { memo: { fields: { note: inPayloads.payloads[0] ?? {} } } } },
    { workflowTaskFailedEventAttributes: { failure: { message: `cannot log in with ${secret}` } } },
  ];
  for (const event of events) {
    const text = textOf(HistoryEvent.decode(HistoryEvent.encode(event).finish()));
    const found = secrets({ secrets: [secret], texts: [{ name: 'history', text }] } as unknown as Evidence);
    expect(
      found.map(({ rule }) => rule),
      Object.keys(event)[0],
    ).toEqual(['I5']);
  }
  const clean = textOf(HistoryEvent.decode(HistoryEvent.encode({ eventId: 7 as never }).finish()));
  expect(secrets({ secrets: [secret], texts: [{ name: 'history', text: clean }] } as unknown as Evidence)).toEqual([]);
});

test('a rollback that the lane took is known by its run, and one that it refused is not', () => {
  const asked = (eventId: number, runId: string) => ({
    eventId: eventId as never,
    workflowExecutionUpdateAcceptedEventAttributes: {
      acceptedRequest: { input: { name: 'begin-rollback', args: payloads({ runId }) } },
    },
  });
  const answer = (acceptedEventId: number, outcome: object) => ({
    workflowExecutionUpdateCompletedEventAttributes: { acceptedEventId: acceptedEventId as never, outcome },
  });
  const events = [
    asked(2, 'r1'),
    asked(3, 'r2'),
    answer(2, { success: payloads(0) }),
    answer(3, { failure: { message: 'no' } }),
  ];
  expect(announcedOf(events).map(({ runId }) => runId)).toEqual(['r1']);
});
