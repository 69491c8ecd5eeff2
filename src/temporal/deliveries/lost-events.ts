import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { nullIfInvalid } from '../../contract/brand.js';
import type { DeliveredEvent } from '../../contract/events.js';
import { deliverEventsId, type Lane, taskQueue, WORKFLOWS } from '../../contract/ids.js';
import { deliverEventSignal } from '../../contract/messages.js';
import { parseSha, type Sha, sameBuild, shortSha } from '../../contract/sha.js';
import { parseEvent } from '../../domain/events/deliveries.js';
import { inOrder, isOvertaken, laterThan } from '../../domain/events/overtaken.js';
import { oneLine } from '../../domain/markdown.js';
import { withinTime } from '../faults/in-time.js';
import { KEY_FILE } from '../payloads/keys.js';
import { readFailure } from '../payloads/read.js';
import { earlyEnd, findRun, isOpen } from '../runs.js';
import {
  deliveriesIn,
  deliveryRuns,
  type Found,
  type HistoryEvent,
  historyOf,
  keyOf,
  type Orders,
  ordersIn,
  type Read,
  readLeniently,
  readStrictly,
} from './histories.js';

/** Age up to which a lost event is told, in milliseconds: an older one is no news. */
const MAX_AGE_MS = 24 * 60 * 60_000;
/** Longest reason and name, in characters. */
const MAX_WHY = 200;

/** Events that one sink never got. */
export interface LostEvents {
  what: string;
  /** Command that prints them, or sends them again. */
  fix: string;
}

/** What a sink did not get; null if the order cannot be read. */
type Lost = { at: number; why: string } & (
  | { sink: string; event: DeliveredEvent | null }
  | { sink: null; event: null }
);

interface Reader {
  client: Client;
  read: Read;
}

/**
 * What the sinks of a gate never got in the last day, by the histories of `DeliverEvents`: that needs no worker, and sends no query.
 * @param withinMs time limit, in milliseconds: a call for a history may get no answer.
 * @throws {NoAnswer}
 */
export async function lostEvents(client: Client, lane: Lane, withinMs: number): Promise<LostEvents[]> {
  const since = Date.now() - MAX_AGE_MS;
  const { lost } = await withinTime(client, withinMs, async () => {
    const runs = await deliveryRuns(client, lane);
    return lostIn(
      { client, read: readLeniently(client) },
      runs.filter(({ closeTime }) => !closeTime || closeTime.getTime() >= since),
    );
  });
  const told = lost.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at);
  return [...new Set(told.map(({ sink }) => sink))].map((name) => ofSink(told.filter(({ sink }) => sink === name)));
}

/** Event that a sink never got, as it was to be delivered. */
export interface LostDelivery {
  sink: string;
  event: DeliveredEvent;
  /** Events of the gate that came after it. */
  later: DeliveredEvent[];
  /** Whether it is no longer true. */
  isOvertaken: boolean;
}

/** What sinks never got, in the order in which it happened: all of one build, by the runs of `DeliverEvents` that are read; without one, what `lostEvents` counts.
 * @throws {PayloadUnreadable} while a key is missing: what is hidden may be later news, or a note that an event was sent again. */
export async function lostDeliveries(client: Client, lane: Lane, sha: Sha | null): Promise<LostDelivery[]> {
  const since = Date.now() - MAX_AGE_MS;
  const { lost, events } = await lostIn({ client, read: readStrictly(client) }, await deliveryRuns(client, lane));
  const isWanted = (event: DeliveredEvent, at: number) =>
    sha === null ? at >= since : event.sha !== undefined && sameBuild(event.sha, sha);
  const wanted = lost
    .flatMap(({ sink, event, at }) => (event !== null && isWanted(event, at) ? [{ sink, event }] : []))
    .sort((a, b) => inOrder(a.event, b.event));
  const ids = [...new Set(wanted.map(({ event }) => event.workflowId))];
  const runs = await Promise.all(ids.map((id) => findRun(client, id)));
  const open = new Set(runs.flatMap((run) => (run !== null && isOpen(run) ? [run.workflowId] : [])));
  return wanted.map(({ sink, event }) => {
    const later = laterThan(event, events);
    return { sink, event, later, isOvertaken: isOvertaken(event, later, open.has(event.workflowId)) };
  });
}

/** Notes for good that a person has sent an event again, or that it is overtaken: in the history of `DeliverEvents`, as an order for no sink, which its workflow has always taken and delivers nowhere. */
export async function noteReplayed(client: Client, lane: Lane, { sink, event }: LostDelivery): Promise<void> {
  await client.workflow.signalWithStart(WORKFLOWS.deliver, {
    workflowId: deliverEventsId(lane),
    taskQueue: taskQueue(lane),
    args: [],
    signal: deliverEventSignal,
    signalArgs: [{ event, sinks: [], reminded: [], replayed: [sink] }],
  });
}

/** Type of an event, and its build. */
export function nameOf({ type, sha }: DeliveredEvent): string {
  const build = nullIfInvalid(() => shortSha(parseSha(sha)));
  return `${type}${build ? ` of ${build}` : ''}`;
}

function ofSink(lost: Lost[]): LostEvents {
  const { sink, event, why } = lost.at(-1) as Lost;
  const count = lost.length === 1 ? 'an event' : `${lost.length} events`;
  const last = event === null ? 'an event that cannot be read' : nameOf(event);
  return {
    what: `${sink ?? 'a sink'} did not get ${count} of the last day, last ${last}: ${oneLine(why, MAX_WHY)}`,
    fix: sink === null ? `set ${KEY_FILE} here as the workers have it` : `canary events --replay --to ${sink}`,
  };
}

/** What these runs were told to deliver, did not, and no person has sent again; and all events that they know of, if anything is missing. */
async function lostIn(reader: Reader, runs: Found[]): Promise<{ lost: Lost[]; events: DeliveredEvent[] }> {
  const read = await Promise.all(runs.map(async (run) => ({ run, history: await historyOf(reader.client, run) })));
  const failed = (await Promise.all(read.map(({ history }) => failedIn(reader, history)))).flat();
  if (failed.length === 0 && runs.every((run) => earlyEnd(run) === null)) return { lost: [], events: [] };
  const known = await Promise.all(
    read.map(async ({ run, history }) => ({ run, ...(await ordersIn(history, reader.read)) })),
  );
  const isReplayed = ({ sink, event }: Lost) =>
    event !== null && known.some(({ replayed }) => replayed.has(keyOf(sink, event)));
  return {
    lost: onceEach([...failed, ...known.flatMap((one) => leftBy(one, known))]).filter((one) => !isReplayed(one)),
    events: [...new Map(known.flatMap(({ events }) => [...events])).values()],
  };
}

/** Each event once for a sink, with the latest end: a reset copies events of the run before, and each run carries what it did not deliver. */
function onceEach(lost: Lost[]): Lost[] {
  const oldestFirst = lost.toSorted((a, b) => a.at - b.at);
  return [
    ...new Map(oldestFirst.map((one) => [one.event === null ? Symbol() : keyOf(one.sink, one.event), one])).values(),
  ];
}

/** What a run that a person ended had not delivered yet, unless another one did, or has it: a reset takes it on. One that continued as new
 * has nothing: the next run has what it carried. */
function leftBy(one: Orders & { run: Found }, all: (Orders & { run: Found })[]): Lost[] {
  const ended = earlyEnd(one.run);
  if (ended === null) return [];
  const others = all.filter(
    ({ run }) => run.runId !== one.run.runId && earlyEnd(run) === null && run.status.name !== 'CONTINUED_AS_NEW',
  );
  const isElsewhere = (key: string) =>
    all.some(({ done }) => done.has(key)) || others.some(({ open }) => open.has(key));
  return [...one.open]
    .filter(([key]) => !isElsewhere(key))
    .map(([, { sink, event }]) => ({
      sink: oneLine(sink, MAX_WHY),
      event,
      at: one.run.closeTime?.getTime() ?? 0,
      why: `${one.run.workflowId} ${ended}`,
    }));
}

/** Deliveries of a run that ended without success. */
async function failedIn({ client, read }: Reader, history: HistoryEvent[]): Promise<Lost[]> {
  const lost: Lost[] = [];
  for (const { name, order, at, givenUp } of deliveriesIn(history)) {
    if (givenUp === null) continue;
    const [sink, event] = [await read(name), parseEvent(await read(order))];
    const { failure } = givenUp;
    // A time-out has the failure of its last attempt as its cause.
    const why = (await readFailure(client, failure?.cause ?? failure).catch(() => null)) ?? 'it was given up';
    const when = { at: optionalTsToMs(at) ?? 0, why };
    lost.push(
      typeof sink === 'string'
        ? { sink: oneLine(sink, MAX_WHY), event, ...when }
        : { sink: null, event: null, ...when },
    );
  }
  return lost;
}
