import type { Digest } from '../contract/image.js';
import type { KnownBadBuild, Ledger, LedgerEntry } from '../contract/lane.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import { knownBadBuild } from './ledger.js';

/** What a ledger knows of a rollback. */
export interface RolledBackBuild {
  /** The build that it went away from; null when the ledger does not know. */
  sha: Sha | null;
  /** How that build came to `:latest`; null if its mover never reported, or the ledger does not reach back so far. */
  undone: LedgerEntry | null;
  /** That build, where it is bad, and those that the rollback marked. */
  bad: KnownBadBuild[];
  /** Whether it marked any. */
  marked: boolean;
}

/** The lane hears of a move about when its run ends, in milliseconds. */
const SLACK_MS = 5_000;

/**
 * @param rollback where it went and when it began and ended, ISO 8601.
 * @param found where it found `:latest`, as far as that is known.
 */
export function rolledBackBuild(
  { history, knownBad }: Ledger,
  { sha, started, ended }: { sha: string; started: string; ended: string | null },
  found: (Digest | null)[] = [],
): RolledBackBuild {
  const until = ended === null ? '9' : new Date(Date.parse(ended) + SLACK_MS).toISOString();
  const isTarget = (one: LedgerEntry) => sameBuild(one.sha ?? '', sha);
  const own = history.findIndex(
    (one) => one.kind === 'rollback' && one.at >= started && one.at <= until && isTarget(one),
  );
  // One that did not get through has no entry.
  const before = own < 0 ? history.filter(({ at }) => at <= until) : history.slice(0, own);
  const previousEntry = before.findLast((one) => !isTarget(one)) ?? null;
  const marked = knownBad.filter(({ since }) => since >= started && (ended === null || since <= ended));
  const wasFound = previousEntry?.images.every(({ digest }) => found.includes(digest)) === true;
  // A build whose write lease the rollback revoked, and whose mover never reported, is the last that was written.
  const unreported = wasFound
    ? undefined
    : marked.findLast((one) => !before.some((move) => sameBuild(move.sha ?? '', one.sha)));
  const rolledBack = unreported ? unreported.sha : (previousEntry?.sha ?? null);
  const ownBadBuild = rolledBack === null ? undefined : knownBadBuild({ knownBad }, rolledBack);
  return {
    sha: rolledBack,
    undone: unreported ? null : previousEntry,
    bad: ownBadBuild && !marked.includes(ownBadBuild) ? [ownBadBuild, ...marked] : marked,
    marked: marked.length > 0,
  };
}
