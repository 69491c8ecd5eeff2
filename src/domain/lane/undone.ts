import { sameBuild } from '../sha.js';
import type { BadBuild, Ledger, LedgerEntry } from './state.js';

/** What a ledger knows of a rollback. */
export interface Undone {
  /** What stood at `:latest` before it; null when the ledger does not reach back so far. */
  undone: LedgerEntry | null;
  /** The builds that it marked. */
  bad: BadBuild[];
}

/** @param rollback where it went and when it began and ended, ISO 8601. */
export function undoneBy(
  { moves, bad }: Ledger,
  rollback: { sha: string; started: string; ended: string | null },
): Undone {
  const { sha, started, ended } = rollback;
  const at = moves.findIndex((one) => one.kind === 'rollback' && one.at >= started && sameBuild(one.sha ?? '', sha));
  return {
    undone: moves[at - 1] ?? null,
    bad: bad.filter(({ since }) => since >= started && (ended === null || since <= ended)),
  };
}
