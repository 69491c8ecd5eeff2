import { InvalidInput, shown } from '../contract/brand.js';

const OF_A_DAY = /^([01]\d|2[0-3]):([0-5]\d)Z$/;
/** The time zone is required: a default would depend on the machine that reads it. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const DAY_MS = 24 * 3_600_000;

/** Parses a moment after `now` (epoch, ms) into ISO 8601: the next `08:00Z` (UTC), or ISO 8601.
 * @throws {InvalidInput} */
export function parseMoment(text: string, now: number): string {
  const at = OF_A_DAY.test(text) ? nextOf(text, now) : ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidInput(`invalid time ${shown(text)}: expected 08:00Z or ${exampleMoment(now)}`);
  if (at <= now) throw new InvalidInput(`time ${shown(text)} is in the past: it is ${new Date(now).toISOString()}`);
  return new Date(at).toISOString();
}

/** Moment for an example of a message: 8 o'clock (UTC) of the day after `now` (epoch, ms). One of the past would be refused itself. */
export const exampleMoment = (now: number): string => `${new Date(now + DAY_MS).toISOString().slice(0, 10)}T08:00:00Z`;

function nextOf(time: string, now: number): number {
  const today = Date.parse(`${new Date(now).toISOString().slice(0, 10)}T${time}`);
  return today > now ? today : today + DAY_MS;
}
