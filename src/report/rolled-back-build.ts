import type { Digest } from '../contract/image.js';
import type { KnownBadBuild, Ledger, LedgerEntry } from '../contract/lane.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import type { BuildVerdict } from '../contract/tenants/check.js';
import { markOf, rejectionOf } from '../lane/ledger.js';

/** Facts of the ledger about one rollback. */
export interface RolledBackBuild {
  /** Build that was rolled back from; null if the ledger does not know it. */
  sha: Sha | null;
  /** Entry by which that build came to `:latest`; null if its mover never reported, or the history does not reach back that far. */
  rolledBackMove: LedgerEntry | null;
  /** Known-bad builds: that build, if it is one, and the builds that the rollback marked. */
  bad: KnownBadBuild[];
  /** Whether the rollback marked any build. */
  marked: boolean;
  /** Verdict of canary on that build, if the last one is RED. */
  rejected: BuildVerdict | null;
}

/** Tolerance between the end of a rollback and the time of its entry, in milliseconds. */
const SLACK_MS = 5_000;

/**
 * Finds the build that a rollback rolled back from.
 * @param rollback target, start and end of the rollback, ISO 8601.
 * @param found digests that it found at `:latest`, as far as they are known.
 */
export function rolledBackBuild(
  { history, knownBad, verdicts }: Ledger,
  { sha, started, ended }: { sha: string; started: string; ended: string | null },
  found: (Digest | null)[] = [],
): RolledBackBuild {
  const until = ended === null ? '9' : new Date(Date.parse(ended) + SLACK_MS).toISOString();
  const isTarget = (one: LedgerEntry) => sameBuild(one.sha ?? '', sha);
  const own = history.findIndex(
    (one) => one.kind === 'rollback' && one.at >= started && one.at <= until && isTarget(one),
  );
  // A rollback that did not complete has no entry.
  const before = own < 0 ? history.filter(({ at }) => at <= until) : history.slice(0, own);
  const previousEntry = before.findLast((one) => !isTarget(one)) ?? null;
  const marked = knownBad.filter(({ since }) => since >= started && (ended === null || since <= ended));
  const wasFound = previousEntry?.images.every(({ digest }) => found.includes(digest)) === true;
  // If a mover never reported because the rollback revoked its write lease, its build was written last.
  const unreported = wasFound
    ? undefined
    : marked.findLast((one) => !before.some((move) => sameBuild(move.sha ?? '', one.sha)));
  const rolledBack = unreported ? unreported.sha : (previousEntry?.sha ?? null);
  const ownBadBuild = rolledBack === null ? undefined : markOf({ knownBad }, rolledBack);
  return {
    sha: rolledBack,
    rolledBackMove: unreported ? null : previousEntry,
    bad: ownBadBuild && !marked.includes(ownBadBuild) ? [ownBadBuild, ...marked] : marked,
    marked: marked.length > 0,
    rejected: rolledBack === null ? null : (rejectionOf({ verdicts }, rolledBack) ?? null),
  };
}
