import { SinkError } from '../sink.js';

/**
 * Entries of a list that GitHub answers; null, for 404, has none.
 * @throws {SinkError} for what is no list: a proxy may answer 200 with something else.
 */
export function entriesOf<T extends object>(what: string, answer: unknown): T[] {
  const entries = answer ?? [];
  if (!Array.isArray(entries) || !entries.every((one) => Object(one) === one))
    throw new SinkError(`github: GET ${what} answered no list`);
  return entries;
}
