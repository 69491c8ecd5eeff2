import { shortSha } from '../sha.js';
import { type Ledger, MAX_BUILDS, type OrderKey } from './state.js';

/** The key of a sha; the first sight fixes it, so a re-run of an old job does not make it new (protocol §2). */
export function keyOf(ledger: Ledger, sha: string, sequence?: number): OrderKey {
  const known = ledger.order[shortSha(sha)];
  if (known) return known;
  ledger.highestSequence = Math.max(ledger.highestSequence, sequence ?? 0);
  const key = { sequence: sequence ?? ledger.highestSequence, seen: ledger.seen };
  ledger.seen += 1;
  ledger.order[shortSha(sha)] = key;
  forgetOldest(ledger);
  return key;
}

export function isOlder(a: OrderKey, b: OrderKey): boolean {
  return a.sequence === b.sequence ? a.seen < b.seen : a.sequence < b.sequence;
}

/** A build of which nothing is remembered any more comes back as a new one, but for the mark: so the keys of moves and bad builds stay. */
function forgetOldest(ledger: Ledger): void {
  const shas = Object.keys(ledger.order);
  if (shas.length <= 2 * MAX_BUILDS) return;
  const kept = new Set([...ledger.moves, ...ledger.bad].map(({ sha }) => shortSha(sha ?? '')));
  const oldest = shas
    .filter((sha) => !kept.has(sha))
    .sort((a, b) => (ledger.order[a]?.seen ?? 0) - (ledger.order[b]?.seen ?? 0));
  for (const sha of oldest.slice(0, shas.length - 2 * MAX_BUILDS)) delete ledger.order[sha];
}
