import type { LaneRequest, Ledger } from '../contract/lane.js';
import { type Sha, shortSha } from '../contract/sha.js';
import { isOlder, markOf } from './ledger.js';

/** Largest factor by which a sequence may exceed the newest one: milliseconds in place of a run id exceed it by more. */
const MAX_FACTOR = 100;
/** Releases in a row that a build supersedes although the lane saw it before them: then its sequence is wrong, and no build is tested any more. */
const OUT_OF_ORDER_ALARM = 3;

/** What is wrong with the sequence of a build that the lane has not seen, or cannot date; null if nothing is. The first one ever may be any. */
export function invalidSequence(
  ledger: Ledger,
  request: Pick<LaneRequest, 'sha' | 'sequence' | 'force'>,
): string | null {
  const { sha, sequence = 0, force } = request;
  const newest = ledger.highestSequence;
  const why = undated(ledger, request);
  if (why !== null) return why;
  if (force || newest === 0 || ledger.order[shortSha(sha)] || sequence <= newest * MAX_FACTOR) return null;
  return `sequence ${sequence} is more than ${MAX_FACTOR} times the newest one, ${newest}: every later build would be older (fix: the right --sequence; if it is right: --force)`;
}

const NAME_NEWEST = 'canary lane sequence <n> --reason … with the newest sequence so far, 0 if builds have none';

/** Why the ledger may lack known-bad builds that its copy in the registry has; null if it does not. A person who dates builds would let them in. */
export const unreadCopy = ({ lost }: Pick<Ledger, 'lost'>): string | null =>
  lost?.unread
    ? `a part of the ledger was lost, and its copy in the registry, which may name known-bad builds, was not read: ${lost.unread.why} (fix: that, then canary lane renew; if it cannot be read any more: canary lane adopt --without-copy --reason …)`
    : null;

/** Goes on without the copy that was not read: the next one replaces it. Returns whether there was one to wait for. */
export function giveUpCopy({ lost }: Pick<Ledger, 'lost'>): boolean {
  const wasUnread = lost?.unread !== undefined;
  if (wasUnread) delete lost.unread;
  return wasUnread;
}

/** What a person must say before new builds are taken; null if nothing is lost, that was said, or the hold `not-recovered` asks for it. */
export function lostAlarm(ledger: Ledger): string | null {
  const { lost, hold } = ledger;
  const unread = unreadCopy(ledger);
  if (unread !== null) return unread;
  if (!lost || lost.upTo !== null || hold?.name === 'not-recovered') return null;
  return `a part of the ledger was lost, so a build that it does not know is refused (fix: ${NAME_NEWEST})`;
}

/** Why a build cannot be told from one that was rolled back from, because a part of the ledger was lost; null if it can. No guess: only a sequence dates a build. */
export function undated(
  { lost, order, knownBad }: Ledger,
  { sha, sequence, force }: Pick<LaneRequest, 'sha' | 'sequence' | 'force'>,
): string | null {
  const key = order[shortSha(sha)];
  if (!lost || force || (key && key.seen >= lost.seen)) return null;
  // Its mark refuses it, and says why.
  if (markOf({ knownBad }, sha)) return null;
  const { upTo } = lost;
  const isNew = upTo !== null && (key || sequence !== undefined ? (key?.sequence ?? sequence ?? 0) > upTo : upTo === 0);
  if (isNew) return null;
  const asked = lost.unread ? 'canary lane renew reads it' : upTo === null ? NAME_NEWEST : 'a higher --sequence';
  return `a part of the ledger was lost, so ${sha} may have been rolled back from (fix: ${asked}; if it is a good build: --force)`;
}

/** Counts a superseded release towards the alarm `out-of-order`, if the lane saw the build that supersedes it first. */
export function countSuperseded(ledger: Ledger, sha: Sha, by: string): void {
  const [key, other] = [sha, by].map((one) => ledger.order[shortSha(one)]);
  // A release that a person dropped names no build.
  if (!key || !other || other.seen >= key.seen || !isOlder(key, other)) return;
  ledger.outOfOrder = { ...ledger.outOfOrder, by: by as Sha, times: (ledger.outOfOrder?.times ?? 0) + 1 };
}

/** Why the sequence of a build stops the line; null if it does not. */
export function outOfOrderAlarm({ outOfOrder, order }: Ledger): string | null {
  if (outOfOrder === null || outOfOrder.times < OUT_OF_ORDER_ALARM) return null;
  const { by, times } = outOfOrder;
  return `${times} releases in a row were superseded by ${by}, which came before them: its sequence ${order[shortSha(by)]?.sequence} is wrong (fix: canary lane sequence <n> --reason …)`;
}

/** Sets the newest sequence: a build that counted beyond it counts as the newest one of that sequence. */
export function setSequence(ledger: Ledger, sequence: number): string {
  const before = ledger.highestSequence;
  const beyond = Object.entries(ledger.order).filter(([, key]) => key.sequence > sequence);
  for (const [, key] of beyond) key.sequence = sequence;
  if (ledger.newestPromoted && ledger.newestPromoted.key.sequence > sequence)
    ledger.newestPromoted.key = { ...ledger.newestPromoted.key, sequence };
  ledger.highestSequence = sequence;
  ledger.outOfOrder = null;
  if (ledger.lost) ledger.lost.upTo = sequence;
  const lowered = beyond.length > 0 ? `; it now counts for ${beyond.map(([sha]) => sha).join(', ')}` : '';
  return `the newest sequence is ${sequence}, it was ${before}${lowered}`;
}
