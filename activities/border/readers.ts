import { InvalidInput, invalid } from '../../src/contract/brand.js';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { isWaitedFor } from '../../src/contract/hold.js';
import { MAX_TOKEN } from '../../src/contract/identity.js';
import { parseDigest, parseRepository } from '../../src/contract/image.js';
import type { HeldFor, LaneRequest, RunRef } from '../../src/contract/lane.js';
import { parseMoveInput } from '../../src/contract/move.js';
import type { WatchInput } from '../../src/contract/tenants/production.js';
import { parseEvent } from '../../src/domain/events/deliveries.js';
import { parseWatchInput } from '../../src/domain/inputs.js';
import { fieldsOf, isMoment, isoOf, isRunId, isText } from '../../src/domain/payloads/fields.js';
import { listOf } from '../../src/domain/payloads/plan.js';
import { parseLaneRequest, parseRollbackRequest } from '../../src/lane/payloads/parse.js';

/** Most images that move together. */
const MAX_IMAGES = 50;
/** Most events in one batch. */
const MAX_EVENTS = 2_000;
/** Longest pause that an activity is asked for, in milliseconds. */
const MAX_PAUSE_MS = 3_600_000;

/** Reads a list of one to 50 images. */
export function images<T>(sent: unknown, parse: (one: unknown) => T): T[] {
  const list = listOf('images', sent, parse, MAX_IMAGES);
  if (list.length === 0) throw invalid('images', sent, 'one at least');
  return list;
}

/** Reads an order to move 1 to 50 images. */
export function moveInput(sent: unknown) {
  images(fieldsOf(sent).images, (one) => one);
  return parseMoveInput(sent);
}

/** Reads a time, epoch in milliseconds. */
export function moment(sent: unknown): number {
  if (isMoment(sent)) return sent;
  throw invalid('time', sent, 'milliseconds since 1970');
}

/** Reads a pause, in milliseconds. */
export function pause(sent: unknown): number {
  if (isMoment(sent) && sent <= MAX_PAUSE_MS) return sent;
  throw invalid('pause', sent, `at most ${MAX_PAUSE_MS} ms`);
}

/** Reads a time, ISO 8601; null for anything else, as of a release that began before. */
export const isoOrNull = (sent: unknown): string | null => isoOf(sent);

/** Reads a flag; anything but true is false. */
export const flag = (sent: unknown): boolean => sent === true;

/** Reads a run. */
export function run(sent: unknown): RunRef {
  const { workflowId, runId } = fieldsOf(sent);
  if (!isText(workflowId) || !isRunId(runId)) throw invalid('run', sent, 'a workflow id and a run id');
  return { workflowId, runId };
}

/** Reads a run that waits, in the queue or in a hold. */
export function waitingRun(sent: unknown): RunRef & Partial<HeldFor> {
  const { hold } = fieldsOf(sent);
  return { ...run(sent), ...(isWaitedFor(hold) && { hold }) };
}

/** Reads a token. No message repeats it. */
export function token(sent: unknown): string {
  if (typeof sent === 'string' && sent.length > 0 && sent.length <= MAX_TOKEN) return sent;
  throw new InvalidInput(`invalid token: expected text of at most ${MAX_TOKEN} characters`);
}

/** Reads a run; without a run id it is the open one. */
export function openRun(sent: unknown): Pick<RunRef, 'workflowId'> & Partial<RunRef> {
  const { workflowId, runId } = fieldsOf(sent);
  if (runId !== undefined) return run(sent);
  if (!isText(workflowId)) throw invalid('run', sent, 'a workflow id');
  return { workflowId };
}

/** Reads a request for the lane. */
export function laneRequest(sent: unknown): LaneRequest {
  const request = parseLaneRequest(sent);
  if (request === null) throw invalid('request', sent, 'that of a release');
  return request;
}

/** Reads the input of a watch over a move. */
export function watchedMove(sent: unknown): WatchInput & { movedAt: string } {
  const input = parseWatchInput(sent);
  const movedAt = isoOf(input.movedAt);
  if (movedAt === null) throw invalid('movedAt', input.movedAt, 'the time of a move');
  return { ...input, movedAt };
}

/** Reads a batch of events, each of which has a type, and facts in one text or a few. */
export function events(sent: unknown): DeliveredEvent[] {
  return listOf('events', sent, event, MAX_EVENTS);
}

/** Reads one event. */
export function event(sent: unknown): DeliveredEvent {
  const read = parseEvent(sent);
  if (read === null) throw invalid('event', fieldsOf(sent).type, 'a type of event, its id, time and workflow');
  return read;
}

/** Reads the name of a sink. */
export function sink(sent: unknown): string {
  if (isText(sent)) return sent;
  throw invalid('sink', sent, 'its name');
}

/** Reads an image with its digest. */
export function pinned(sent: unknown) {
  const { repository, digest } = fieldsOf(sent);
  return { repository: parseRepository(repository), digest: parseDigest(digest) };
}

/** The announcement of a rollback; the run that announces it is the caller. */
export function rollbackRequest(sent: unknown) {
  const unknown = { workflowId: '-', runId: '00000000-0000-0000-0000-000000000000' };
  const { workflowId: _, runId: __, ...request } = parseRollbackRequest({ ...fieldsOf(sent), ...unknown });
  return request;
}
