import { type Client, isGrpcServiceError, type WorkflowExecutionInfo } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import proto, { type temporal } from '@temporalio/proto';
import type { DeliveredEvent } from '../../contract/events.js';
import { deliverEventsId, type Lane } from '../../contract/ids.js';
import { deliverEventSignal } from '../../contract/messages.js';
import { parseDeliveryOrder, parseEvent } from '../../domain/events/deliveries.js';
import { dropMark } from '../../domain/payloads/encrypted.js';
import { fieldsOf } from '../../domain/payloads/fields.js';
import { PayloadUnreadable } from '../payloads/codec.js';
import { readPayload } from '../payloads/read.js';
import { listRuns, RunsUnlisted } from '../records/listing.js';
import { findRun, isOpen } from '../runs.js';

// What the histories of `DeliverEvents` say: that needs no worker, and sends no query.

export type Failure = temporal.api.failure.v1.IFailure;
export type Payload = temporal.api.common.v1.IPayload;
export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Most runs of `DeliverEvents` that are read, the latest first: one ends an hour after its last event. */
const MAX_RUNS = 12;
/** Most pages of a history that are read, of 1,000 events each. */
const MAX_PAGES = 20;
/** Activity that delivers one event to one sink. */
const DELIVER = 'deliver';
const { RETRY_STATE_CANCEL_REQUESTED: CANCEL_REQUESTED } = proto.temporal.api.enums.v1.RetryState;
/** gRPC status code. */
const NOT_FOUND = 5;

export type Found = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'closeTime' | 'status'>;

/** The latest runs; without a list, the last one alone. A list lags: each run that it calls open is described, and the last one, which it may not have yet. */
export async function deliveryRuns(client: Client, lane: Lane): Promise<Found[]> {
  const workflowId = deliverEventsId(lane);
  const [listed, last] = await Promise.all([
    listRuns(client, `WorkflowId = '${workflowId}'`, MAX_RUNS).catch((error: unknown) => {
      if (error instanceof RunsUnlisted) return [];
      throw error;
    }),
    findRun(client, workflowId),
  ]);
  const others = listed.filter(({ runId }) => runId !== last?.runId);
  const found = await Promise.all(others.map((run) => (isOpen(run) ? findRun(client, workflowId, run.runId) : run)));
  return [last, ...found].filter((run) => run !== null);
}

/** What a run was told to deliver, and what it delivered, by sink and id. */
export interface Orders {
  open: Map<string, { sink: string; event: DeliveredEvent }>;
  done: Set<string>;
  /** What a person sent again. */
  replayed: Set<string>;
  /** All events it was told of, by id: also those that no sink takes. */
  events: Map<string, DeliveredEvent>;
}

/** Reads a payload of a history. */
export type Read = (payload: Payload | null | undefined) => Promise<unknown>;

/** Null for what cannot be read: to tell what was lost, a part is better than nothing. */
export const readLeniently =
  (client: Client): Read =>
  (payload) =>
    readPayload(client, payload).catch(() => null);

/** What is sent again, and what is not, depends on all: a missing key ends it.
 * @throws {PayloadUnreadable} */
export const readStrictly =
  (client: Client): Read =>
  (payload) =>
    readPayload(client, payload).catch((error: unknown) => {
      if (error instanceof PayloadUnreadable) throw error;
      return null;
    });

export const keyOf = (sink: string, { id }: Pick<DeliveredEvent, 'id'>) => `${sink} ${id}`;

/** @throws what `read` throws, except of a signal that its run has dropped for want of the key: anybody may send one. */
export async function ordersIn(history: HistoryEvent[], read: Read): Promise<Orders> {
  const orders: Orders = { open: new Map(), done: new Set(), replayed: new Set(), events: new Map() };
  // Signals that cannot be read, by the mark of their drop. A run receives its input first.
  const unread = new Map<string, unknown>();
  let received = 1;
  const readSignal = (payload: Payload | undefined): Promise<unknown> => {
    received += 1;
    const mark = dropMark(received);
    return read(payload).catch((error: unknown) => void unread.set(mark, error));
  };
  const add = (sink: string, event: DeliveredEvent | null) => {
    if (event === null) return;
    orders.open.set(keyOf(sink, event), { sink, event });
    orders.events.set(event.id, event);
  };
  const addOrder = (sent: unknown) => {
    const order = parseDeliveryOrder(sent);
    if (order === null) return;
    const { event, sinks } = order;
    const { replayed } = fieldsOf(sent);
    orders.events.set(event.id, event);
    for (const sink of sinks) add(sink, event);
    for (const sink of Array.isArray(replayed) ? replayed : []) orders.replayed.add(keyOf(String(sink), event));
  };
  for (const event of history) {
    const [carried] = event.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const { queues, waiting } = carried ? fieldsOf(await read(carried)) : {};
    for (const [sink, list] of Object.entries(fieldsOf(queues)))
      for (const one of Array.isArray(list) ? list : []) add(sink, parseEvent(one));
    for (const one of Array.isArray(waiting) ? waiting : []) addOrder(fieldsOf(one).order);
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === deliverEventSignal.name) addOrder(await readSignal(signal.input?.payloads?.[0]));
    unread.delete(patchIn(event));
  }
  // A failed one is lost by its own account.
  for (const { name, order } of deliveriesIn(history)) {
    const [sink, delivered] = [await read(name), parseEvent(await read(order))];
    if (typeof sink === 'string' && delivered) orders.done.add(keyOf(sink, delivered));
  }
  for (const error of unread.values()) throw error;
  return orders;
}

/** Id of a patch that a run noted in its history. It is never encrypted. */
function patchIn({ markerRecordedEventAttributes: marker }: HistoryEvent): string {
  const [payload] = marker?.markerName === 'core_patch' ? (marker.details?.['patch-data']?.payloads ?? []) : [];
  return payload ? String(fieldsOf(defaultPayloadConverter.fromPayload(payload)).id) : '';
}

/** A delivery that has ended: its sink and its event, and its failure if it was given up. */
interface EndedDelivery {
  name: Payload | undefined;
  order: Payload | undefined;
  at: HistoryEvent['eventTime'];
  givenUp: { failure?: Failure | null | undefined } | null;
}

/** Deliveries of a run that have ended. Retries leave no event. */
export function deliveriesIn(history: HistoryEvent[]): EndedDelivery[] {
  const scheduled = new Map<string, Payload[]>();
  return history.flatMap((event): EndedDelivery[] => {
    const activity = event.activityTaskScheduledEventAttributes;
    if (activity?.activityType?.name === DELIVER) scheduled.set(String(event.eventId), activity.input?.payloads ?? []);
    const failed = givenUp(event) ?? null;
    const ended = event.activityTaskCompletedEventAttributes ?? failed;
    const payloads = ended && scheduled.get(String(ended.scheduledEventId));
    return payloads ? [{ name: payloads[0], order: payloads[1], at: event.eventTime, givenUp: failed }] : [];
  });
}

/** Failure of an activity that is not tried again. One that failed while its run cancelled it, to go on in the next run, begins again there. */
function givenUp(event: HistoryEvent) {
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  return failed?.retryState === CANCEL_REQUESTED ? null : failed;
}

/** Events of a run, of as many pages as are read. */
export async function historyOf(client: Client, { workflowId, runId }: Found): Promise<HistoryEvent[]> {
  const history: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.workflowService
      .getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution: { workflowId, runId },
        ...(nextPageToken && { nextPageToken }),
      })
      .catch((error: unknown) => {
        // It was deleted since it was listed.
        if (isGrpcServiceError(error) && error.code === NOT_FOUND) return null;
        throw error;
      });
    history.push(...(answer?.history?.events ?? []));
    if (!answer?.nextPageToken?.length) break;
    nextPageToken = answer.nextPageToken;
  }
  return history;
}
