import { type Client, isGrpcServiceError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { LaneState, RunRef } from '../../contract/lane.js';
import { applyRecords, RECORD_MEMO } from '../../lane/payloads/changes.js';
import { marksIn, parseLaneState } from '../../lane/payloads/state.js';
import { emptyLane } from '../../lane/state.js';
import { readPayload } from '../payloads/read.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payload = temporal.api.common.v1.IPayload | null | undefined;

/** Activity by which a lane recovers its state. */
const RECOVER = 'recoverLane';
/** Most pages of a history, of 1,000 events each: the server ends a run with 51,200 events. */
const MAX_PAGES = 52;
/** gRPC status code. */
const NOT_FOUND = 5;

/** What a run of the lane knew. */
export interface LaneRecord {
  /** Null if it had not recovered: then it knew and changed nothing. */
  state: LaneState | null;
  /** Whether that is all: the whole history was read, and each change in it. */
  isWhole: boolean;
  /** Marks of known-bad builds, also of a state that cannot be read as a whole. */
  marks: LaneState['ledger']['knownBad'];
}

/** Events of a lane that its record is made of. */
export interface Found {
  input: Payload;
  continuedFrom: string;
  recovery: 'none' | 'scheduled' | 'completed';
  /** Ids of the events that scheduled the recovery. */
  scheduled: Set<string>;
  recovered: Payload;
  parts: Payload[];
  /** Whether the workflow went on after it had recovered. */
  hasServed: boolean;
  /** Whether its code ran at all. */
  hasRun: boolean;
  isRead: boolean;
}

/**
 * What a run of the lane knew: what it recovered, or was handed on, and each change since, which are data in its history (ADR 16). No code
 * of the lane runs for that. No one but the worker of a run writes these events; a memo that a run is started with does not count.
 * @param isOurs whether a run id is that of a lane of this gate: what such a one hands on counts.
 */
export async function readLaneRecord(
  client: Client,
  run: RunRef,
  isOurs: (runId: string) => boolean,
): Promise<LaneRecord> {
  const found = await readEvents(client, run);
  const readable = (payload: Payload): Promise<unknown> => readPayload(client, payload).catch(() => undefined);
  // A lane that has not recovered knew and changed nothing.
  if (found.recovery === 'scheduled') return { state: null, isWhole: found.isRead, marks: [] };
  if (found.recovery === 'none') {
    // One that never ran, or another code: only what was handed on to it is known.
    const state = isOurs(found.continuedFrom) ? parseLaneState(await readable(found.input)) : null;
    return { state, isWhole: found.isRead && !found.hasRun, marks: [] };
  }
  const base = await baseOf(found, readable);
  const { state, isWhole } = applyRecords(base, await Promise.all(found.parts.map(readable)));
  const parsed = parseLaneState(state);
  return {
    state: parsed ?? parseLaneState(base),
    isWhole: isWhole && parsed !== null && found.isRead && (found.parts.length > 0 || !found.hasServed),
    marks: marksIn(state),
  };
}

/** What a run that has recovered began with. @param read undefined for what cannot be read. */
export async function baseOf(
  { recovered, input }: Found,
  read: (payload: Payload) => Promise<unknown>,
): Promise<unknown> {
  const answer = await read(recovered);
  if (answer !== 'continued') return answer === null ? emptyLane() : answer;
  return read(input);
}

/** Before any event was read. */
export const nothingFound = (): Found => ({
  input: null,
  continuedFrom: '',
  recovery: 'none',
  scheduled: new Set(),
  recovered: null,
  parts: [],
  hasServed: false,
  hasRun: false,
  isRead: false,
});

async function readEvents(client: Client, execution: RunRef): Promise<Found> {
  const found = nothingFound();
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.workflowService
      .getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution,
        ...(nextPageToken && { nextPageToken }),
      })
      .catch((error: unknown) => {
        // It was deleted since it was listed.
        if (isGrpcServiceError(error) && error.code === NOT_FOUND) return null;
        throw error;
      });
    if (answer === null) return found;
    for (const event of answer.history?.events ?? []) note(event, found);
    nextPageToken = answer.nextPageToken;
    if (!nextPageToken?.length) return { ...found, isRead: true };
  }
  return found;
}

/** Adds an event to what was found before it. */
export function note(event: HistoryEvent, found: Found): void {
  const {
    workflowExecutionStartedEventAttributes: started,
    activityTaskScheduledEventAttributes: activity,
    activityTaskCompletedEventAttributes: completed,
    workflowPropertiesModifiedEventAttributes: modified,
    workflowTaskCompletedEventAttributes: task,
  } = event;
  if (started) {
    found.input = started.input?.payloads?.[0];
    found.continuedFrom = started.continuedExecutionRunId ?? '';
  }
  if (task) [found.hasRun, found.hasServed] = [true, found.recovery === 'completed'];
  if (activity?.activityType?.name === RECOVER) {
    found.scheduled.add(String(event.eventId));
    found.recovery = 'scheduled';
  }
  if (completed && found.scheduled.has(String(completed.scheduledEventId))) {
    found.recovery = 'completed';
    found.recovered = completed.result?.payloads?.[0];
  }
  const part = modified?.upsertedMemo?.fields?.[RECORD_MEMO];
  if (part) found.parts.push(part);
}
