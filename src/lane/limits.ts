import { MAX_BUILDS } from './state.js';

// Limits keep the state of a lane, which is the input of its next run and the answer to a query, below 256 KiB (docs/protocol.md, The ledger).

const KIB = 1024;
export const HISTORY_BYTES = 112 * KIB;
export const KNOWN_BAD_BYTES = 48 * KIB;
export const VERDICTS_BYTES = 32 * KIB;
export const ANSWERS_BYTES = 24 * KIB;
/** Longest name or reason that the ledger keeps, in characters; the run's own history has the whole text. */
const MAX_TEXT = 120;

/** Cuts a name or a reason to the length that the ledger keeps. */
export const brief = (text: string) => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);

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
