import { setTimeout as delay } from 'node:timers/promises';
import { type Client, isGrpcServiceError } from '@temporalio/client';
import { type Lane, releaseLaneId, taskQueue, WORKFLOWS } from '../../contract/ids.js';
import type { LaneState, RunRef } from '../../contract/lane.js';
import { applyRecords } from '../../lane/payloads/changes.js';
import { parseLaneState } from '../../lane/payloads/state.js';
import { PayloadUnreadable } from '../payloads/codec.js';
import { readPayload } from '../payloads/read.js';
import { findRun, isOpen } from '../runs.js';
import type { HistoryEvent } from './follow.js';
import { baseOf, type Found, note, nothingFound } from './lane-record.js';

/** Events of one page of what is new. */
const NEW_PAGE = 100;
/** First and longest pause before a lane that has just continued as new is read again, in milliseconds. It doubles: one that is stuck must not be described ten times a second. */
const CONTINUES_MS = 100;
const MAX_CONTINUES_MS = 1_000;
/** gRPC status of a server that reads a history only forward, as Temporal's test server does. */
const UNIMPLEMENTED = 12;
/** gRPC status codes after which a page may be asked for again: cancelled, no answer in time, too many calls, not reached. */
const PASSING = [1, 4, 8, 14];

/** What was read of a run so far. */
interface Reading extends RunRef {
  /** Number of events. */
  length: number;
  found: Found;
  /** Sum of its records, as JSON; absent before the first one, and null if it cannot be read. */
  sum?: unknown;
  /** The state in it, read once: a soak asks every few seconds, and a copy of 200 builds takes 4 ms. */
  parsed?: { sum: unknown; state: LaneState | null };
  /** Pages of what is new, while some are missing. */
  pages?: Pages | undefined;
}

/** Pages of a history that were read: a deadline ends the reading of a long one on a slow server, and the next attempt goes on there. */
interface Pages {
  /** From its end. */
  isReverse: boolean;
  events: HistoryEvent[];
  /** Of the next page; absent before the first one. */
  token?: Uint8Array;
}

/**
 * Reads the state of the running lane from the records in its history (ADR 16), as often as it is asked; only what is new is fetched.
 * It needs no worker, and sends no query: one that reaches a run between two of its tasks may apply events apart from the task that
 * they belong to, and the run does not replay then (ADR 10).
 * Call it with a deadline: it waits for a lane that has just continued as new.
 * @returns the state, which all readers share, frozen; null if no lane of this gate is running, it has not recovered yet, or a record of it cannot be read.
 * @throws {PayloadUnreadable} while a key is missing that encrypted one.
 */
function makeReader(client: Client, lane: Lane): () => Promise<LaneState | null> {
  let reading: Reading | undefined;
  const read = async () => {
    for (let pauseMs = CONTINUES_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_CONTINUES_MS)) {
      const run = await openRunOf(client, lane, reading?.runId);
      const isServing = run && isOpen(run) && run.type === WORKFLOWS.lane && run.taskQueue === taskQueue(lane);
      if (!isServing) return null;
      const { workflowId, runId, historyLength } = run;
      if (reading?.runId !== runId) reading = { workflowId, runId, length: 0, found: nothingFound() };
      const wasBegun = reading.pages !== undefined;
      if (reading.length < historyLength) await catchUp(client, reading);
      // What an earlier attempt began ends where the run was then.
      if (wasBegun && reading.length < historyLength) await catchUp(client, reading);
      await addRecords(client, reading);
      if (reading.sum !== undefined) {
        if (reading.parsed?.sum !== reading.sum)
          reading.parsed = { sum: reading.sum, state: parseLaneState(frozen(reading.sum)) };
        return reading.parsed.state;
      }
      // One that has just continued as new serves in a moment. The deadline of the caller ends the wait.
      if (reading.found.continuedFrom === '') return null;
      await delay(pauseMs);
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const own = last.then(read);
    last = own.catch(() => undefined);
    return own;
  };
}

/** The run that was read last while it is open, else the latest one: to find that, the server asks its database each time. */
async function openRunOf(client: Client, lane: Lane, lastRunId: string | undefined) {
  const last = lastRunId === undefined ? null : await findRun(client, releaseLaneId(lane), lastRunId);
  return last && isOpen(last) ? last : findRun(client, releaseLaneId(lane));
}

/** Freezes a value of JSON. What is shared with the value before is frozen already. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

const READERS = new WeakMap<Client, Map<Lane, ReturnType<typeof makeReader>>>();

/** The reader of a lane by a client: one, so that what it has read serves the next caller. */
export function laneReader(client: Client, lane: Lane): ReturnType<typeof makeReader> {
  const own = READERS.get(client) ?? new Map<Lane, ReturnType<typeof makeReader>>();
  READERS.set(client, own);
  const reader = own.get(lane) ?? makeReader(client, lane);
  own.set(lane, reader);
  return reader;
}

/** Reads what is new. A record is written with one workflow task, so it is never read in part. */
async function catchUp(client: Client, reading: Reading): Promise<void> {
  const events = await eventsAfter(client, reading);
  for (const event of events) note(event, reading.found);
  reading.length += events.length;
}

/** Adds the records that were found. None is added while a key is missing: it may come at any time, for the file of keys is read again as it changes.
 * @throws {PayloadUnreadable} */
async function addRecords(client: Client, reading: Reading): Promise<void> {
  const { found } = reading;
  // A lane that has recovered writes a record, even if nothing changed: before it, messages that waited for it are not in.
  if (found.recovery !== 'completed' || found.parts.length === 0) return;
  const read = (payload: Found['recovered']) => readPayload(client, payload).catch(undefinedUnlessKey);
  const parts = await Promise.all(found.parts.map(read));
  const base = 'sum' in reading ? reading.sum : await baseOf(found, read);
  const { state, isWhole } = applyRecords(base, parts);
  found.parts = [];
  // What a payload is part of, the whole answer, stays in memory with it; these are not read again.
  [found.input, found.recovered] = [null, null];
  reading.sum = isWhole ? state : null;
}

function undefinedUnlessKey(error: unknown): undefined {
  if (error instanceof PayloadUnreadable) throw error;
}

/** Events after those that were read: all, or a few from the end. */
async function eventsAfter(client: Client, reading: Reading): Promise<HistoryEvent[]> {
  reading.pages ??= { isReverse: reading.length > 0, events: [] };
  const { isReverse, events } = reading.pages;
  try {
    await readPages(client, reading, reading.pages);
    reading.pages = undefined;
    return isReverse ? events.reverse() : events;
  } catch (error) {
    const { code } = isGrpcServiceError(error) ? error : {};
    if (code === undefined || !PASSING.includes(code)) reading.pages = undefined;
    if (code !== UNIMPLEMENTED || !isReverse) throw error;
    reading.pages = { isReverse: false, events: [] };
    return eventsAfter(client, reading);
  }
}

async function readPages(client: Client, { workflowId, runId, length }: Reading, pages: Pages): Promise<void> {
  const { workflowService, options } = client;
  const isNew = ({ eventId }: HistoryEvent) => Number(eventId) > length;
  for (;;) {
    const { isReverse, token } = pages;
    const request = {
      namespace: options.namespace,
      execution: { workflowId, runId },
      ...(token && { nextPageToken: token }),
    };
    const answer = await (isReverse
      ? workflowService.getWorkflowExecutionHistoryReverse({ ...request, maximumPageSize: NEW_PAGE })
      : workflowService.getWorkflowExecutionHistory(request));
    const found = answer.history?.events ?? [];
    pages.events.push(...found.filter(isNew));
    if (!answer.nextPageToken?.length || (isReverse && !found.every(isNew))) return;
    pages.token = answer.nextPageToken;
  }
}
