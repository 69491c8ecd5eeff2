import type { KnownBadBuild, Ledger, LedgerEntry, OrderKey } from '../contract/lane.js';
import { digestOf, type TagState } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { brief, HISTORY_BYTES, newest, numberFirstPromotion } from './limits.js';
import { MAX_BUILDS } from './state.js';

/** The order key of a sha. The first request fixes it, so that a re-run of an old job does not make it new (docs/protocol.md, Order of builds). */
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
  const kept = new Set([...ledger.history, ...ledger.knownBad].map(({ sha }) => shortSha(sha ?? '')));
  const oldest = shas
    .filter((sha) => !kept.has(sha))
    .sort((a, b) => (ledger.order[a]?.seen ?? 0) - (ledger.order[b]?.seen ?? 0));
  for (const sha of oldest.slice(0, shas.length - 2 * MAX_BUILDS)) delete ledger.order[sha];
}

/** An entry whose build is known. */
export type NamedEntry = LedgerEntry & { sha: Sha };

/** Why a build is bad; undefined when it is not. */
export const knownBadBuild = ({ knownBad }: Pick<Ledger, 'knownBad'>, sha: string): KnownBadBuild | undefined =>
  knownBad.find((one) => sameBuild(one.sha, sha));

const isNamed = (entry: LedgerEntry): entry is NamedEntry => entry.sha !== null;

/** The last move of a build. */
export const lastMoveOf = ({ history }: Ledger, sha: string): NamedEntry | undefined =>
  history.filter(isNamed).findLast((one) => sameBuild(one.sha, sha));

/** Each build that was at `:latest` once, by its last move, newest first. */
export function buildsOf({ history }: Ledger): NamedEntry[] {
  const builds: NamedEntry[] = [];
  for (const entry of history.toReversed())
    if (isNamed(entry) && !builds.some((one) => sameBuild(one.sha, entry.sha))) builds.push(entry);
  return builds;
}

/** The last good build that was live before an entry of the ledger: where a rollback from it would go. */
export function liveBefore(ledger: Ledger, entry: LedgerEntry | undefined): Sha | null {
  if (entry === undefined) return null;
  const { sha } = entry;
  const isGood = (one: NamedEntry) => !(sha !== null && sameBuild(one.sha, sha)) && !knownBadBuild(ledger, one.sha);
  return ledger.history.slice(0, ledger.history.indexOf(entry)).filter(isNamed).findLast(isGood)?.sha ?? null;
}

/** Where a rollback from what is live would go. */
export const defaultRollbackTarget = (ledger: Ledger): Sha | null => liveBefore(ledger, ledger.history.at(-1));

/** Keeps what is at `:latest` from now on; a build that came there by a promotion, or was adopted, is what others are older than. */
export function record(ledger: Ledger, { by, reason, ...entry }: LedgerEntry): void {
  ledger.history = newest(
    [...ledger.history, { ...entry, by: brief(by), reason: brief(reason) }],
    MAX_BUILDS,
    HISTORY_BYTES,
  );
  const { kind, sha } = entry;
  if (kind === 'rollback' || sha === null) return;
  numberFirstPromotion(ledger.firstPromoted, shortSha(sha));
  // A forced promotion of an older build sets the mark to its own.
  ledger.newestPromoted = { sha, key: keyOf(ledger, sha) };
}

/** The last move of the gate. An adoption moves nothing. */
export const lastMove = ({ history }: Ledger): LedgerEntry | undefined =>
  history.findLast(({ kind }) => kind !== 'adopted');

/** What took the place of the build that was moved at `movedAt`; the same one adopted once more does not. */
export function supersededBy({ history }: Ledger, sha: string, movedAt: string): LedgerEntry | undefined {
  return history.findLast(
    (one) => one.at > movedAt && (one.kind !== 'adopted' || one.sha === null || !sameBuild(one.sha, sha)),
  );
}

/** Whether `:latest` is elsewhere than a run saw it, and a person adopted that state since. */
export function isAdopted(seen: PinnedImage[], found: TagState[], expected: TagState[]): boolean {
  const isNew = seen.some(({ repository, latest }) => latest !== digestOf(found, repository));
  return isNew && seen.every(({ repository }) => digestOf(expected, repository) === digestOf(found, repository));
}
