import { oneLine } from '../domain/markdown.js';
import { MAX_BUILDS } from './state.js';

// Limits keep the state of a lane, which is the input of its next run and the answer to a query, below 256 KiB (docs/protocol.md, The ledger).

const KIB = 1024;
export const HISTORY_BYTES = 84 * KIB;
export const KNOWN_BAD_BYTES = 40 * KIB;
export const VERDICTS_BYTES = 24 * KIB;
export const ANSWERS_BYTES = 12 * KIB;
export const DRIFT_BYTES = 8 * KIB;
/** Most images of one move or adoption. */
export const MAX_IMAGES = 50;
/** Most releases that wait as promoted by hand or forced; of the others only the newest waits. One more is not taken, and asks again. */
export const MAX_QUEUE = 100;
/** Longest name or reason that the ledger keeps, in characters; the run's own history has the whole text. */
const MAX_TEXT = 120;
/** Longest reason of a hold, in characters: it names digests. */
const MAX_WHY = 1_000;

/** Cuts the reason of a hold, on one line. */
export const holdReason = (text: string) => oneLine(text, MAX_WHY);

/** Cuts a name or a reason to the line that the ledger keeps. Cut before its characters are looked at, which a megabyte would take long to do. */
export const brief = (text: string) => oneLine(text.slice(0, 4 * MAX_TEXT), MAX_TEXT);

/** Last items of a list: at most `count`, and at most `bytes` of JSON. */
export function newest<T>(list: T[], count: number, bytes: number): T[] {
  let size = 0;
  const tooOld = list.findLastIndex((one) => {
    size += new TextEncoder().encode(JSON.stringify(one)).length + 1;
    return size > bytes;
  });
  return list.slice(Math.max(tooOld + 1, list.length - count));
}

/** Numbers the first promotion of a sha. The oldest numbers are forgotten and never reused. */
export function numberFirstPromotion(firstPromoted: Record<string, number>, short: string): void {
  const all = Object.entries(firstPromoted).sort(([, a], [, b]) => a - b);
  firstPromoted[short] ??= (all.at(-1)?.[1] ?? -1) + 1;
  for (const [sha] of all.slice(0, Math.max(0, all.length + 1 - 2 * MAX_BUILDS))) delete firstPromoted[sha];
}
