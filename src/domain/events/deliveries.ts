import { type DeliveredEvent, type DeliveryOrder, EVENTS, partsOfId } from '../../contract/events.js';
import { isWorkflowType } from '../../contract/ids.js';
import { fieldsOf, isMoment, isoOf, isText } from '../payloads/fields.js';

// The order in which events go to sinks, and the reminders of a hold. Plain data: `DeliverEvents` carries it from run to run.

/** How long an event waits for those before it, in milliseconds: a batch whose worker died comes again after 5 s without a heartbeat. */
export const GAP_MS = 15_000;
/** Most ids, runs and lost events that are kept. */
const MAX_KEPT = 500;
/** Most events that wait for one sink: all of them are in the input of the next run, of which Temporal takes 2 MB. */
export const MAX_QUEUED = 200;
/** Least time before its end at which the last reminder of a hold is due, in milliseconds; of a short hold it is a tenth. */
const LAST_MS = 60 * 60_000;

/** Event that was given up, by sink. */
export interface LostEvent {
  sink: string;
  id: string;
  why: string;
}

export interface OpenHold {
  order: DeliveryOrder;
  /** Reminders that were sent: none, at half of its time, before its end. */
  reminded: 0 | 1 | 2;
}

export interface Deliveries {
  /** Ids that were taken, the newest last: none is delivered twice. */
  taken: string[];
  /** Number of the next event of each run. */
  next: Record<string, number>;
  /** Events that wait for those before them. */
  waiting: { order: DeliveryOrder; isLate: boolean }[];
  /** Events of each sink, in order. */
  queues: Record<string, DeliveredEvent[]>;
  holds: OpenHold[];
  delivered: number;
  lost: LostEvent[];
}

export const noDeliveries = (): Deliveries => ({
  taken: [],
  next: {},
  waiting: [],
  queues: {},
  holds: [],
  delivered: 0,
  lost: [],
});

/** Takes an event, unless its id was taken before. */
export function takeEvent(state: Deliveries, order: DeliveryOrder): void {
  if (state.taken.includes(order.event.id)) return;
  state.taken = [...state.taken, order.event.id].slice(-MAX_KEPT);
  state.waiting.push({ order, isLate: false });
}

/** Lets an event through that has waited for `GAP_MS`: what was to come before it is lost, or comes after it. */
export function letThrough({ waiting }: Deliveries, id: string): void {
  for (const one of waiting) if (one.order.event.id === id) one.isLate = true;
}

/** Moves the events whose turn it is to the queues of their sinks. */
export function queueEvents(state: Deliveries): void {
  const numberOf = ({ order }: { order: DeliveryOrder }) => partsOfId(order.event.id)?.number ?? 0;
  for (;;) {
    const ready = state.waiting.filter(({ order, isLate }) => isLate || isNext(state, order));
    const [first] = ready.sort((a, b) => numberOf(a) - numberOf(b));
    if (first === undefined) return;
    state.waiting.splice(state.waiting.indexOf(first), 1);
    queue(state, first.order);
  }
}

/** Whether more events wait for a sink than are kept. */
export const isOverfull = ({ queues }: Deliveries): boolean =>
  Object.values(queues).some(({ length }) => length > MAX_QUEUED);

/** Takes the oldest events out of the queues that are too long, except the first one, which may be under way; returns them. */
export const dropOldest = ({ queues }: Deliveries): LostEvent[] =>
  Object.entries(queues).flatMap(([sink, events]) =>
    events
      .splice(1, Math.max(0, events.length - MAX_QUEUED))
      .map(({ id }) => ({ sink, id, why: `more than ${MAX_QUEUED} events waited for it` })),
  );

/** Reminder that a hold is due next. */
export interface DueReminder {
  /** Id of the event that tells of it. */
  id: string;
  /** Epoch, ms. */
  at: number;
}

/** The next reminder of each open hold. */
export const dueReminders = ({ holds }: Deliveries): DueReminder[] => holds.flatMap((hold) => dueReminder(hold) ?? []);

/** Queues a reminder, unless its hold is over. */
export function remind(state: Deliveries, { id, at }: DueReminder): void {
  const hold = state.holds.find((one) => dueReminder(one)?.id === id);
  if (hold === undefined || hold.order.event.type !== 'held') return;
  hold.reminded = hold.reminded === 0 ? 1 : 2;
  const reminder: DeliveredEvent = { ...hold.order.event, type: 'reminder', id, at: new Date(at).toISOString() };
  for (const sink of hold.order.reminded) queueOf(state, sink).push(reminder);
}

/** Whether nothing is to be delivered now or later. */
export const isIdle = (state: Deliveries): boolean =>
  state.waiting.length === 0 &&
  dueReminders(state).length === 0 &&
  Object.values(state.queues).every(({ length }) => length === 0);

/** Notes an event that was given up. */
export function noteLost(state: Deliveries, lost: LostEvent): void {
  state.lost = [...state.lost, lost].slice(-MAX_KEPT);
}

function isNext({ next }: Deliveries, { event }: DeliveryOrder): boolean {
  const parts = partsOfId(event.id);
  return parts === null || parts.number <= (next[parts.runId] ?? 1);
}

function queueOf(state: Deliveries, sink: string): DeliveredEvent[] {
  const events = state.queues[sink] ?? [];
  state.queues[sink] = events;
  return events;
}

function queue(state: Deliveries, order: DeliveryOrder): void {
  const { event } = order;
  const parts = partsOfId(event.id);
  if (parts) {
    const { [parts.runId]: before = 1, ...others } = state.next;
    state.next = Object.fromEntries([
      ...Object.entries(others).slice(1 - MAX_KEPT),
      [parts.runId, Math.max(before, parts.number + 1)],
    ]);
    if (endsHold(event)) state.holds = state.holds.filter((hold) => !isEarlier(hold, parts));
    if (event.type === 'held' && event.until !== null && order.reminded.length > 0)
      state.holds.push({ order, reminded: 0 });
  }
  for (const sink of order.sinks) queueOf(state, sink).push(event);
}

/** A hold ends by a decision, by the end of its run, or because the run goes on. */
export function endsHold(event: DeliveredEvent): boolean {
  if (event.type === 'phase-entered') return event.phase !== 'held' && event.phase !== 'awaiting-approval';
  return event.type === 'decided' || isEnd(event);
}

/** Whether an event is the end of a release or a rollback. */
export const isEnd = ({ type }: Pick<DeliveredEvent, 'type'>): boolean =>
  ['rejected', 'promoted', 'rolled-back', 'superseded', 'ended'].includes(type);

function isEarlier({ order }: OpenHold, { runId, number }: { runId: string; number: number }): boolean {
  const held = partsOfId(order.event.id);
  return held?.runId === runId && held.number < number;
}

/** The reminder that a hold is due next; null after the last one. */
function dueReminder({ order: { event }, reminded }: OpenHold): DueReminder | null {
  if (event.type !== 'held' || reminded === 2) return null;
  const [since, until] = [Date.parse(event.at), Date.parse(event.until ?? '')];
  return reminded === 0
    ? { id: `${event.id}-half`, at: since + (until - since) / 2 }
    : { id: `${event.id}-last`, at: until - Math.min(LAST_MS, (until - since) / 10) };
}

/** Most sinks that an order names. */
const MAX_SINKS = 20;

/** Reads an order to deliver; null for anything else. */
export function parseDeliveryOrder(sent: unknown): DeliveryOrder | null {
  const { event, sinks, reminded } = fieldsOf(sent);
  const given = parseEvent(event);
  if (given === null || !areNames(sinks) || !areNames(reminded)) return null;
  return { event: given, sinks, reminded };
}

const areNames = (sent: unknown): sent is string[] =>
  Array.isArray(sent) && sent.length <= MAX_SINKS && sent.every(isText);

/** Reads an event: its type, and what it is known by; null for anything else. */
export function parseEvent(sent: unknown): DeliveredEvent | null {
  const { type, id, at, workflow, workflowId, ...facts } = fieldsOf(sent);
  const isEvent = typeof type === 'string' && Object.hasOwn(EVENTS, type);
  if (!isEvent || ![id, at, workflowId].every(isText) || !isWorkflowType(workflow)) return null;
  if (type === 'held' || type === 'reminder') {
    const { until } = facts;
    if (isoOf(at) === null || (until !== null && !isMoment(Date.parse(String(until))))) return null;
  }
  return sent as DeliveredEvent;
}
