import type { Ledger, LedgerEntry } from '../contract/lane.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import { code, oneLine, prose, redactedText, time } from '../domain/markdown.js';
import { lastMoveOf, whyKnownBad } from '../lane/ledger.js';

/** What the ledger knows of a build whose run Temporal does not have. */
export interface LedgerRecord {
  sha: Sha;
  /** What brought it to `:latest`, the last time; null if it never was there. */
  move: LedgerEntry | null;
  /** Since when it was live, ISO 8601; null if it never was. */
  liveFrom: string | null;
  /** What replaced it; null while it is live, or if it never was. */
  replacedBy: LedgerEntry | null;
  /** Why it is known-bad; null if it is not. */
  bad: string | null;
}

/** Reads what the ledger knows of a build; null if that is nothing.
 * @param kind `release` or `rollback`: only if that brought the build to `:latest` the last time. */
export function ledgerRecord(
  ledger: Ledger,
  sha: Sha,
  kind: 'release' | 'rollback' | null = null,
): LedgerRecord | null {
  const isOf = (one: LedgerEntry) => kind === null || (one.kind === 'rollback') === (kind === 'rollback');
  const { history } = ledger;
  const last = lastMoveOf({ ...ledger, history: history.filter(isOf) }, sha);
  const bad = whyKnownBad(ledger, sha);
  if (last === undefined) {
    const isNoNews = bad === null || kind === 'rollback';
    return isNoNews ? null : { sha, move: null, liveFrom: null, replacedBy: null, bad };
  }
  const isOther = (one: LedgerEntry) => one.sha === null || !sameBuild(one.sha, sha);
  const at = history.indexOf(last);
  // An adoption of the live build, or one more rollback to it, moved nothing.
  const stretch = history.slice(history.slice(0, at).findLastIndex(isOther) + 1, at + 1);
  return {
    sha: last.sha,
    move: stretch.find(isOf) ?? last,
    liveFrom: (stretch[0] ?? last).at,
    replacedBy: history.slice(at).find(isOther) ?? null,
    bad,
  };
}

const MOVED: Record<LedgerEntry['kind'], string> = {
  promotion: 'promoted',
  rollback: 'rolled back to',
  adopted: 'adopted',
};

/** Why nothing more is known of it. */
const GONE =
  'Temporal has no run of it: its retention has passed, it was deleted, or no run moved it. This is from the ledger (canary history)';

/** The record: what it says first, and the rest. @param text what is shown of a person's text. */
function sentences({ sha, move, liveFrom, replacedBy, bad }: LedgerRecord, text: (said: string) => string) {
  const how = (one: LedgerEntry) => `by ${text(one.by)} at ${time(one.at)}: ${text(one.reason)}`;
  const since = liveFrom ?? '';
  const live = replacedBy ? `was live from ${time(since)} to ${time(replacedBy.at)}` : `is live since ${time(since)}`;
  return {
    first: `${sha} ${move === null ? 'was never live' : live}`,
    rest: [
      ...(move ? [`${MOVED[move.kind]}${move.kind === 'rollback' ? ' it' : ''} ${how(move)}`] : []),
      ...(replacedBy
        ? [`then ${MOVED[replacedBy.kind]} ${replacedBy.sha ?? 'an unknown build'} ${how(replacedBy)}`]
        : []),
      ...(bad === null ? [] : [`known-bad: ${text(bad)}`]),
      GONE,
    ],
  };
}

/** The record, a line each, for a person at a terminal. */
export function ledgerRecordLines(record: LedgerRecord): string[] {
  const { first, rest } = sentences(record, oneLine);
  const images = record.move?.images.map(({ repository, digest }) => `${repository} ${digest ?? 'nothing'}`) ?? [];
  return [first, ...[...images, ...rest].map((line) => `  ${line}`)];
}

/** The record in Markdown; public, as a report is (I5). */
export function renderLedgerRecord(record: LedgerRecord): string {
  const { first, rest } = sentences(record, redactedText);
  const images =
    record.move?.images.map(({ repository, digest }) => code(`${repository}@${digest ?? 'nothing'}`)) ?? [];
  return [`## ${prose(first)}`, '', ...[...rest.map(prose), ...images].map((line) => `- ${line}`)].join('\n');
}
