import { defaultPayloadConverter } from '@temporalio/common';
import proto, { type temporal } from '@temporalio/proto';
import type { Grant, Run, RunEvent } from '../checker/evidence.js';

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
    failure: failed?.applicationFailureInfo?.type ?? null,
    events: events.map((event) => eventOf(event, events)),
  };
}

function eventOf(event: HistoryEvent, events: readonly HistoryEvent[]): RunEvent {
  const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
  const signal = event.workflowExecutionSignaledEventAttributes;
  const activity = event.activityTaskScheduledEventAttributes;
  const failedTask = event.workflowTaskFailedEventAttributes;
  const type = Object.keys(event).find((name) => name.endsWith('EventAttributes')) ?? '';
  const published = publishedBy(activity?.input);
  const given = Object(argument(update?.args ?? signal?.input)) as Record<string, unknown>;
  const { by } = (published ?? given) as { by?: unknown };
  return {
    at: timeOf(event),
    type: `${type.charAt(0).toUpperCase()}${type.slice(1).replace(/EventAttributes$/, '')}`,
    name:
      published?.name ??
      update?.name ??
      signal?.signalName ??
      activity?.activityType?.name ??
      WorkflowTaskFailedCause[failedTask?.cause ?? -1] ??
      '',
    by: typeof by === 'string' ? by : null,
    ...(typeof given.tenant === 'string' && { tenant: given.tenant, until: Date.parse(String(given.until)) }),
    ...(update && isRefused(event, events) && { isRefused: true as const }),
  };
}

/** Whether the handler of an update refused what its validator let pass. */
const isRefused = ({ eventId }: HistoryEvent, events: readonly HistoryEvent[]) =>
  events.some(({ workflowExecutionUpdateCompletedEventAttributes: answer }) => {
    return String(answer?.acceptedEventId) === String(eventId) && answer?.outcome?.failure != null;
  });

/** Answers of the lane that let a mover write. */
export function grantsOf(events: readonly HistoryEvent[]): Grant[] {
  return events.flatMap((event) => {
    const answer = event.workflowExecutionUpdateCompletedEventAttributes;
    if (Object(argument(answer?.outcome?.success)).decision !== 'allow') return [];
    const asked = events.find(({ eventId }) => String(eventId) === String(answer?.acceptedEventId));
    const input = asked?.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.args;
    return [{ at: timeOf(event), moverRunId: String(Object(argument(input)).moverRunId) }];
  });
}

/** `alarm <name>` or `decided <decision>`, if the events that an activity publishes have one. */
function publishedBy(input: Payloads): { name: string; by?: unknown } | undefined {
  const events = argument(input);
  const found = (Array.isArray(events) ? events : []).map(Object);
  const alarm = found.find((one) => one.alarm !== undefined);
  if (alarm) return { name: `alarm ${String(alarm.alarm)}` };
  const decided = found.find(({ type }) => type === 'decided');
  return decided && { name: `decided ${String(decided.decision)}`, by: decided.by };
}

function argument(payloads: Payloads): unknown {
  const [payload] = payloads?.payloads ?? [];
  try {
    return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(event: HistoryEvent | undefined): number {
  const { seconds, nanos } = event?.eventTime ?? {};
  return Number(seconds ?? 0) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000);
}
