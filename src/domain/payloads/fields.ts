import { parseSha } from '../../contract/sha.js';
import { oneLine } from '../markdown.js';

// Fields of a payload, which may be anything. A text is cut where it arrives: what is kept is carried, queried and shown.

/** Longest text of a payload that is kept, in characters. */
const MAX_TEXT = 500;

/** Fields of a payload; none of one that is no object. */
export const fieldsOf = (sent: unknown): Record<string, unknown> => Object(sent) as Record<string, unknown>;

/** Text on one line, cut to `max` characters; null for anything else, and for a blank one. */
export function textOf(value: unknown, max = MAX_TEXT): string | null {
  if (typeof value !== 'string') return null;
  // Cut before its characters are looked at, which a megabyte would take long to do.
  return oneLine(value.slice(0, 2 * max), max) || null;
}

/** Whether a value is a text of 1 to 500 characters. */
export const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TEXT && value.trim() !== '';

/** Whether a value is a sha, as `parseSha` accepts it. */
export function isSha(value: unknown): boolean {
  try {
    parseSha(value);
    return true;
  } catch {
    return false;
  }
}

/** Form of a run id. The server knows no other: a run that can be neither found nor followed would hold the lane for good. */
export const isRunId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);

/** Last moment that counts, epoch in milliseconds: the year 9999, so that a time that is added to one is still a date. */
const MAX_MOMENT = Date.UTC(9999, 0, 1);

/** Whether a value is a time, epoch in milliseconds. */
export const isMoment = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= MAX_MOMENT;

/** Time as ISO 8601, whatever text of a time it was; null for anything else. */
export function isoOf(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 64) return null;
  const at = Date.parse(value);
  return isMoment(at) ? new Date(at).toISOString() : null;
}
