import { type Client, isGrpcServiceError, type WorkflowExecutionInfo } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';
import { nullIfInvalid } from '../../contract/brand.js';
import { deliverEventsId, type Lane } from '../../contract/ids.js';
import { parseSha, shortSha } from '../../contract/sha.js';
import { parseEvent } from '../../domain/events/deliveries.js';
import { oneLine } from '../../domain/markdown.js';
import { readFailure, readPayload } from '../payloads/read.js';
import { findRun } from '../runs.js';
import { listRuns, RunsUnlisted } from './listing.js';

type Failure = temporal.api.failure.v1.IFailure;
type Payload = temporal.api.common.v1.IPayload;

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

/** What the sinks of a gate never got in the last day, by the histories of `DeliverEvents`: that needs no worker, and sends no query. */
export async function lostEvents(client: Client, lane: Lane, now = Date.now()): Promise<LostEvents[]> {
  const since = now - MAX_AGE_MS;
  const runs = await runsOf(client, deliverEventsId(lane));
  const recent = runs.filter(({ closeTime }) => !closeTime || closeTime.getTime() >= since);
  const found = (await Promise.all(recent.map((run) => lostIn(client, run)))).flat();
  const lost = found.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at);
  return [...new Set(lost.map(({ sink }) => sink))].map((name) => ofSink(lost.filter(({ sink }) => sink === name)));
}

/** Ids of the events that a sink never got, in the latest runs of `DeliverEvents` that Temporal keeps. */
export async function lostIds(client: Client, lane: Lane, sink: string): Promise<Set<string>> {
  const runs = await runsOf(client, deliverEventsId(lane));
  const lost = (await Promise.all(runs.map((run) => lostIn(client, run)))).flat();
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

type Found = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'closeTime'>;

/** The latest runs; without a list, the last one alone. */
async function runsOf(client: Client, workflowId: string): Promise<Found[]> {
  try {
    return await listRuns(client, `WorkflowId = '${workflowId}'`, MAX_RUNS);
  } catch (error) {
    if (!(error instanceof RunsUnlisted)) throw error;
    const last = await findRun(client, workflowId);
    return last === null ? [] : [last];
  }
}

/** Deliveries of a run that ended without success: retries leave no event. */
async function lostIn(client: Client, { workflowId, runId }: Found): Promise<Lost[]> {
  const lost: Lost[] = [];
  const orders = new Map<string, Payload[]>();
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
    for (const event of answer?.history?.events ?? []) {
      const scheduled = event.activityTaskScheduledEventAttributes;
      if (scheduled?.activityType?.name === DELIVER) orders.set(String(event.eventId), scheduled.input?.payloads ?? []);
      const ended = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
      const order = ended && orders.get(String(ended.scheduledEventId));
      if (order) lost.push(await lostOf(client, order, ended.failure, optionalTsToMs(event.eventTime) ?? 0));
    }
    if (!answer?.nextPageToken?.length) break;
    nextPageToken = answer.nextPageToken;
  }
  return lost;
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
