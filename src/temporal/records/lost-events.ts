import { type Client, isGrpcServiceError, type WorkflowExecutionInfo } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';
import { nullIfInvalid } from '../../contract/brand.js';
import type { DeliveredEvent } from '../../contract/events.js';
import { deliverEventsId, type Lane } from '../../contract/ids.js';
import { deliverEventSignal } from '../../contract/messages.js';
import { parseSha, shortSha } from '../../contract/sha.js';
import { parseDeliveryOrder, parseEvent } from '../../domain/events/deliveries.js';
import { oneLine } from '../../domain/markdown.js';
import { fieldsOf } from '../../domain/payloads/fields.js';
import { withinTime } from '../faults/in-time.js';
import { readFailure, readPayload } from '../payloads/read.js';
import { earlyEnd, findRun, isOpen } from '../runs.js';
import { listRuns, RunsUnlisted } from './listing.js';

type Failure = temporal.api.failure.v1.IFailure;
type Payload = temporal.api.common.v1.IPayload;
type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Age up to which a lost event is told, in milliseconds: an older one is no news. */
const MAX_AGE_MS = 24 * 60 * 60_000;
/** Most runs of `DeliverEvents` that are read, the latest first: one ends an hour after its last event. */
const MAX_RUNS = 12;
/** Most pages of a history that are read, of 1,000 events each. */
const MAX_PAGES = 20;
/** Activity that delivers one event to one sink. */
const DELIVER = 'deliver';
/** Longest reason and name, in characters. */
const MAX_WHY = 200;
/** gRPC status code. */
const NOT_FOUND = 5;

/** Events that one sink never got. */
export interface LostEvents {
  what: string;
  /** Command that prints them, or sends them again. */
  fix: string;
}

interface Lost {
  sink: string;
  /** Null if the order cannot be read. */
  id: string | null;
  type: string;
  sha: string | null;
  at: number;
  why: string;
}

/**
 * What the sinks of a gate never got in the last day, by the histories of `DeliverEvents`: that needs no worker, and sends no query.
 * @param withinMs time limit, in milliseconds: a call for a history may get no answer.
 * @throws {NoAnswer}
 */
export async function lostEvents(client: Client, lane: Lane, withinMs: number): Promise<LostEvents[]> {
  const since = Date.now() - MAX_AGE_MS;
  const found = await withinTime(client, withinMs, async () => {
    const runs = await runsOf(client, deliverEventsId(lane));
    return lostIn(
      client,
      runs.filter(({ closeTime }) => !closeTime || closeTime.getTime() >= since),
    );
  });
  const lost = found.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at);
  return [...new Set(lost.map(({ sink }) => sink))].map((name) => ofSink(lost.filter(({ sink }) => sink === name)));
}

/** Ids of the events that a sink never got, in the latest runs of `DeliverEvents` that Temporal keeps. */
export async function lostIds(client: Client, lane: Lane, sink: string): Promise<Set<string>> {
  const runs = await runsOf(client, deliverEventsId(lane));
  const lost = await lostIn(client, runs);
  return new Set(lost.flatMap((one) => (one.sink === sink && one.id !== null ? [one.id] : [])));
}

function ofSink(lost: Lost[]): LostEvents {
  const { sink, type, sha, why } = lost.at(-1) as Lost;
  const count = lost.length === 1 ? 'an event' : `${lost.length} events`;
  return {
    what: `${sink} did not get ${count} of the last day, last ${type}${sha ? ` of ${sha}` : ''}: ${oneLine(why, MAX_WHY)}`,
    fix: `canary events ${sha ?? '<sha>'} --replay${sink === 'webhook' ? '' : ` --to ${sink}`}`,
  };
}

type Found = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'closeTime' | 'status'>;

/** The latest runs; without a list, the last one alone. A list lags: each run that it calls open is described. */
async function runsOf(client: Client, workflowId: string): Promise<Found[]> {
  try {
    const listed = await listRuns(client, `WorkflowId = '${workflowId}'`, MAX_RUNS);
    const found = await Promise.all(listed.map((run) => (isOpen(run) ? findRun(client, workflowId, run.runId) : run)));
    return found.filter((run) => run !== null);
  } catch (error) {
    if (!(error instanceof RunsUnlisted)) throw error;
    const last = await findRun(client, workflowId);
    return last === null ? [] : [last];
  }
}

/** What these runs were told to deliver and did not. */
async function lostIn(client: Client, runs: Found[]): Promise<Lost[]> {
  const failed = await Promise.all(runs.map((run) => failedIn(client, run)));
  if (runs.every((run) => earlyEnd(run) === null)) return onceEach(failed.flat());
  const known = await Promise.all(runs.map(async (run) => ({ run, ...(await ordersIn(client, run)) })));
  return onceEach([...failed.flat(), ...known.flatMap((one) => leftBy(one, known))]);
}

/** Each event once for a sink, with the latest end: a reset copies events of the run before, and each run carries what it did not deliver. */
function onceEach(lost: Lost[]): Lost[] {
  const oldestFirst = lost.toSorted((a, b) => a.at - b.at);
  return [...new Map(oldestFirst.map((one) => [one.id === null ? Symbol() : `${one.sink} ${one.id}`, one])).values()];
}

/** What a run that a person ended had not delivered yet, unless another one did, or has it: a reset takes it on. */
function leftBy(one: Orders & { run: Found }, all: (Orders & { run: Found })[]): Lost[] {
  const ended = earlyEnd(one.run);
  if (ended === null) return [];
  const others = all.filter(({ run }) => run.runId !== one.run.runId && earlyEnd(run) === null);
  const isElsewhere = (key: string) =>
    all.some(({ done }) => done.has(key)) || others.some(({ open }) => open.has(key));
  return [...one.open]
    .filter(([key]) => !isElsewhere(key))
    .map(([, { sink, event }]) => ({
      sink: oneLine(sink, MAX_WHY),
      id: event.id,
      type: event.type,
      sha: nullIfInvalid(() => shortSha(parseSha(event.sha))),
      at: one.run.closeTime?.getTime() ?? 0,
      why: `${one.run.workflowId} ${ended}`,
    }));
}

/** What a run was told to deliver, and what it delivered, by sink and id. */
interface Orders {
  open: Map<string, { sink: string; event: DeliveredEvent }>;
  done: Set<string>;
}

const keyOf = (sink: string, event: DeliveredEvent) => `${sink} ${event.id}`;

async function ordersIn(client: Client, run: Found): Promise<Orders> {
  const [open, done] = [new Map<string, { sink: string; event: DeliveredEvent }>(), new Set<string>()];
  const scheduled = new Map<string, Payload[]>();
  const read = (payload: Payload | undefined): Promise<unknown> => readPayload(client, payload).catch(() => null);
  const add = (sink: string, event: DeliveredEvent | null) => event && open.set(keyOf(sink, event), { sink, event });
  for await (const event of eventsOf(client, run)) {
    const [carried] = event.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const { queues, waiting } = carried ? fieldsOf(await read(carried)) : {};
    for (const [sink, list] of Object.entries(fieldsOf(queues)))
      for (const one of Array.isArray(list) ? list : []) add(sink, parseEvent(one));
    const signal = event.workflowExecutionSignaledEventAttributes;
    const sent = signal?.signalName === deliverEventSignal.name ? [await read(signal.input?.payloads?.[0])] : [];
    for (const order of [...sent, ...(Array.isArray(waiting) ? waiting.map((one) => fieldsOf(one).order) : [])]) {
      const parsed = parseDeliveryOrder(order);
      for (const sink of parsed?.sinks ?? []) add(sink, parsed?.event ?? null);
    }
    const activity = event.activityTaskScheduledEventAttributes;
    if (activity?.activityType?.name === DELIVER) scheduled.set(String(event.eventId), activity.input?.payloads ?? []);
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes;
    const [name, order] = scheduled.get(String(ended?.scheduledEventId)) ?? [];
    const [sink, delivered] = ended ? [await read(name), parseEvent(await read(order))] : [null, null];
    // A failed one is lost by its own account.
    if (typeof sink === 'string' && delivered) done.add(keyOf(sink, delivered));
  }
  return { open, done };
}

/** Deliveries of a run that ended without success: retries leave no event. */
async function failedIn(client: Client, run: Found): Promise<Lost[]> {
  const lost: Lost[] = [];
  const orders = new Map<string, Payload[]>();
  for await (const event of eventsOf(client, run)) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === DELIVER) orders.set(String(event.eventId), scheduled.input?.payloads ?? []);
    const ended = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    const order = ended && orders.get(String(ended.scheduledEventId));
    if (order) lost.push(await lostOf(client, order, ended.failure, optionalTsToMs(event.eventTime) ?? 0));
  }
  return lost;
}

async function* eventsOf(client: Client, { workflowId, runId }: Found): AsyncGenerator<HistoryEvent> {
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
    yield* answer?.history?.events ?? [];
    if (!answer?.nextPageToken?.length) break;
    nextPageToken = answer.nextPageToken;
  }
}

async function lostOf(
  client: Client,
  [name, order]: Payload[],
  failure: Failure | null | undefined,
  at: number,
): Promise<Lost> {
  const read = (payload: Payload | undefined): Promise<unknown> => readPayload(client, payload).catch(() => null);
  const [sink, event] = [await read(name), parseEvent(await read(order))];
  // A time-out has the failure of its last attempt as its cause.
  const why = await readFailure(client, failure?.cause ?? failure).catch(() => null);
  return {
    sink: typeof sink === 'string' ? oneLine(sink, MAX_WHY) : 'a sink',
    id: event?.id ?? null,
    type: event?.type ?? 'an event that cannot be read',
    sha: nullIfInvalid(() => shortSha(parseSha(event?.sha))),
    at,
    why: why ?? 'it was given up',
  };
}
