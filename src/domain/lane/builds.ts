import { type Sha, sameBuild, shortSha } from '../sha.js';
import { brief, MOVES_BYTES, newest, numberFirst } from './bounds.js';
import { keyOf } from './order.js';
import { type BadBuild, type Ledger, type LedgerEntry, MAX_BUILDS } from './state.js';

/** What went to `:latest`, of a build that somebody named. */
export type NamedEntry = LedgerEntry & { sha: Sha };

/** Why a build is bad; undefined when it is not. */
export const badBuild = ({ bad }: Pick<Ledger, 'bad'>, sha: string): BadBuild | undefined =>
  bad.find((one) => sameBuild(one.sha, sha));

const isNamed = (entry: LedgerEntry): entry is NamedEntry => entry.sha !== null;

/** The last move of a build. */
export const lastOf = ({ moves }: Ledger, sha: string): NamedEntry | undefined =>
  moves.filter(isNamed).findLast((one) => sameBuild(one.sha, sha));

/** Each build that was at `:latest` once, by its last move, newest first. */
export function buildsOf({ moves }: Ledger): NamedEntry[] {
  const builds: NamedEntry[] = [];
  for (const entry of moves.toReversed())
    if (isNamed(entry) && !builds.some((one) => sameBuild(one.sha, entry.sha))) builds.push(entry);
  return builds;
}

/** The last good build that was live before an entry of the ledger: where a rollback from it would go. */
export function liveBefore(ledger: Ledger, entry: LedgerEntry | undefined): Sha | null {
  if (entry === undefined) return null;
  const { sha } = entry;
  const isGood = (one: NamedEntry) => !(sha !== null && sameBuild(one.sha, sha)) && !badBuild(ledger, one.sha);
  return ledger.moves.slice(0, ledger.moves.indexOf(entry)).filter(isNamed).findLast(isGood)?.sha ?? null;
}

/** Where a rollback from what is live would go. */
export const goBack = (ledger: Ledger): Sha | null => liveBefore(ledger, ledger.moves.at(-1));

/** Keeps what is at `:latest` from now on; a build that came there by a promotion, or was adopted, is what others are older than. */
export function record(ledger: Ledger, { by, reason, ...entry }: LedgerEntry): void {
  ledger.moves = newest([...ledger.moves, { ...entry, by: brief(by), reason: brief(reason) }], MAX_BUILDS, MOVES_BYTES);
  const { kind, sha } = entry;
  if (kind === 'rollback' || sha === null) return;
  numberFirst(ledger.firstPromoted, shortSha(sha));
  // A forced promotion of an older build sets the mark to its own.
  ledger.mark = { sha, key: keyOf(ledger, sha) };
}
