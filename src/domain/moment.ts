import { InvalidInput, shown } from '../contract/brand.js';

const OF_A_DAY = /^([01]\d|2[0-3]):([0-5]\d)Z$/;
/** With a time zone: without one it would be that of whichever machine reads it. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const DAY_MS = 24 * 3_600_000;

/** A moment after `now` (epoch, ms), as ISO 8601: of `08:00Z`, UTC, the next one; or ISO 8601 itself.
 * @throws {InvalidInput} */
export function parseMoment(text: string, now: number): string {
  const at = OF_A_DAY.test(text) ? nextOf(text, now) : ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidInput(`time ${shown(text)} is none, e.g. 08:00Z or 2026-11-25T08:00:00Z`);
  if (at <= now) throw new InvalidInput(`time ${shown(text)} is over: it is ${new Date(now).toISOString()}`);
  return new Date(at).toISOString();
}

function nextOf(time: string, now: number): number {
  const today = Date.parse(`${new Date(now).toISOString().slice(0, 10)}T${time}`);
  return today > now ? today : today + DAY_MS;
}
