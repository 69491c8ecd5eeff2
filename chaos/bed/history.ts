import { defaultPayloadConverter } from '@temporalio/common';
import proto, { type temporal } from '@temporalio/proto';
import type { Announced, Grant, Run, RunEvent } from '../checker/evidence.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payloads = temporal.api.common.v1.IPayloads | null | undefined;

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

const STATUS: Record<string, string> = {
  workflowExecutionCompletedEventAttributes: 'COMPLETED',
  workflowExecutionFailedEventAttributes: 'FAILED',
  workflowExecutionTimedOutEventAttributes: 'TIMED_OUT',
  workflowExecutionCanceledEventAttributes: 'CANCELED',
  workflowExecutionTerminatedEventAttributes: 'TERMINATED',
  workflowExecutionContinuedAsNewEventAttributes: 'CONTINUED_AS_NEW',
};

/** What the checker reads of one history. */
export function runOf(workflowId: string, runId: string, events: HistoryEvent[]): Run {
  const [first] = events;
  const last = events.at(-1);
  const started = first?.workflowExecutionStartedEventAttributes;
  const closed = last && Object.keys(STATUS).find((name) => last[name as keyof HistoryEvent]);
  const failed = last?.workflowExecutionFailedEventAttributes?.failure;
  return {
    workflowId,
    runId,
    type: started?.workflowType?.name ?? '',
    status: closed ? (STATUS[closed] ?? '') : 'RUNNING',
    startedAt: timeOf(first),
    closedAt: closed ? timeOf(last) : null,
    parentRunId: started?.parentWorkflowExecution?.runId ?? null,
    input: Object(argument(started?.input)) as Run['input'],
    outcome: outcomeOf(last),
    failure: failed ? (failed.applicationFailureInfo?.type ?? failed.message ?? '') : null,
    events: events.flatMap((event) => eventsOf(event, events)),
  };
}

/** One event; an activity that publishes alarms and decisions is one for each. */
function eventsOf(event: HistoryEvent, events: readonly HistoryEvent[]): RunEvent[] {
  const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
  const signal = event.workflowExecutionSignaledEventAttributes;
  const activity = event.activityTaskScheduledEventAttributes;
  const failedTask = event.workflowTaskFailedEventAttributes;
  const type = Object.keys(event).find((name) => name.endsWith('EventAttributes')) ?? '';
  const { by, sha, tenant, until, hold } = Object(argument(update?.args ?? signal?.input)) as Record<string, unknown>;
  const name =
    update?.name ??
    signal?.signalName ??
    activity?.activityType?.name ??
    (isNoFault(failedTask?.failure) ? 'NO_FAULT' : undefined) ??
    WorkflowTaskFailedCause[failedTask?.cause ?? -1] ??
    '';
  const published = publishedBy(activity?.input);
  const attempt = activity && attemptOf(event, events);
  return (published.length > 0 ? published : [{ name, by, sha, hold }]).map((one) => ({
    at: timeOf(event),
    type: `${type.charAt(0).toUpperCase()}${type.slice(1).replace(/EventAttributes$/, '')}`,
    name: one.name,
    by: typeof one.by === 'string' ? one.by : null,
    ...(typeof one.sha === 'string' && { sha: one.sha }),
    ...(typeof one.hold === 'string' && { hold: one.hold }),
    ...(typeof one.alarm === 'string' && { alarm: one.alarm }),
    ...(activity && isAnswered(event, events) && { isDone: true as const }),
    ...(typeof tenant === 'string' && { tenant, until: Date.parse(String(until)) }),
    ...(attempt && { attempt }),
    ...(update && isRefused(event, events) && { isRefused: true as const }),
  }));
}

/** Failures of workflow tasks that are no fault of the code: each is tried again, and passes. */
const NO_FAULTS = [
  // The worker had no CPU for seconds, as a frozen or a loaded one.
  '[TMPRL1101]',
  // The same, while the code of the run was being called.
  'Script execution timed out after 5000ms',
  // SDK 1.24.0, after a server was killed: its core sends the marker of a patch that the same worker has just recorded.
  'Unexpected notifyHasPatch job on non-replay activation',
];
const isNoFault = (failure: { message?: string | null } | null | undefined) =>
  NO_FAULTS.some((text) => failure?.message?.includes(text));

/** Whether the handler of an update refused what its validator let pass. */
const isRefused = ({ eventId }: HistoryEvent, events: readonly HistoryEvent[]) =>
  events.some(({ workflowExecutionUpdateCompletedEventAttributes: answer }) => {
    return String(answer?.acceptedEventId) === String(eventId) && answer?.outcome?.failure != null;
  });

const isAnswered = ({ eventId }: HistoryEvent, events: readonly HistoryEvent[]) =>
  events.some(
    ({ activityTaskCompletedEventAttributes: answer }) => answer && String(answer.scheduledEventId) === String(eventId),
  );

const attemptOf = ({ eventId }: HistoryEvent, events: readonly HistoryEvent[]) =>
  events.find(
    ({ activityTaskStartedEventAttributes: started }) =>
      started && String(started.scheduledEventId) === String(eventId),
  )?.activityTaskStartedEventAttributes?.attempt ?? undefined;

/** Answers of the lane that let a mover write. */
export const grantsOf = (events: readonly HistoryEvent[]): Grant[] =>
  answersOf(events)
    .filter(({ answer }) => Object(answer).decision === 'allow')
    .map(({ at, asked }) => ({ at, moverRunId: String(asked.moverRunId) }));

/** Reports of movers that the lane took. */
export const reportsOf = (events: readonly HistoryEvent[]): Grant[] =>
  answersOf(events)
    .filter(({ name }) => name === 'report-move')
    .map(({ at, asked }) => ({ at, moverRunId: String(asked.moverRunId) }));

/** Answers of the lane to rollbacks that it took. */
export const announcedOf = (events: readonly HistoryEvent[]): Announced[] =>
  answersOf(events)
    .filter(({ name }) => name === 'begin-rollback')
    .map(({ at, asked }) => ({ at, runId: String(asked.runId) }));

interface Answer {
  at: number;
  name: string;
  asked: Record<string, unknown>;
  answer: unknown;
}

/** Updates that were not refused, with their arguments and answers. */
function answersOf(events: readonly HistoryEvent[]): Answer[] {
  return events.flatMap((event) => {
    const answer = event.workflowExecutionUpdateCompletedEventAttributes;
    if (!answer?.outcome?.success) return [];
    const asked = events.find(({ eventId }) => String(eventId) === String(answer.acceptedEventId));
    const input = asked?.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
    return [
      {
        at: timeOf(event),
        name: input?.name ?? '',
        asked: Object(argument(input?.args)),
        answer: argument(answer.outcome.success),
      },
    ];
  });
}

interface Published {
  name: string;
  by?: unknown;
  sha?: unknown;
  hold?: unknown;
  alarm?: unknown;
}

/** `alarm <name>`, `decided <decision>` and `held` of what an activity publishes. */
function publishedBy(input: Payloads): Published[] {
  const events = argument(input);
  return (Array.isArray(events) ? events : [])
    .map(Object)
    .flatMap(({ id, type, alarm, decision, by, holdId }): Published[] => {
      if (alarm !== undefined) return [{ name: `alarm ${String(alarm)}`, alarm: id }];
      if (type === 'held') return [{ name: type, hold: holdId }];
      return type === 'decided' ? [{ name: `decided ${String(decision)}`, by }] : [];
    });
}

/** Outcome that a completed run reports; null for another end, and for a mover, whose result is a list. */
function outcomeOf(last: HistoryEvent | undefined): string | null {
  const { outcome } = Object(argument(last?.workflowExecutionCompletedEventAttributes?.result)) as {
    outcome?: unknown;
  };
  return typeof outcome === 'string' ? outcome : null;
}

function argument(payloads: Payloads): unknown {
  const [payload] = payloads?.payloads ?? [];
  try {
    return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
  } catch {
    return undefined;
  }
}

/** Everything in an event as text, its payloads as they were before they were encoded. */
export function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, part]) => `${key} ${textOf(part)}`)
    .join('\n');
}

function timeOf(event: HistoryEvent | undefined): number {
  const { seconds, nanos } = event?.eventTime ?? {};
  return Number(seconds ?? 0) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000);
}
