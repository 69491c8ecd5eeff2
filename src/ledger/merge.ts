import type { KnownBadBuild, LaneState, Ledger, LedgerEntry } from '../contract/lane.js';
import { sameBuild } from '../contract/sha.js';
import { keyOf, markOf, nameAdopted, record } from '../lane/ledger.js';
import { KNOWN_BAD_BYTES, newest } from '../lane/limits.js';
import { markRollback } from '../lane/rollback.js';
import { emptyLane, MAX_BUILDS } from '../lane/state.js';
import { noteVerdict } from '../lane/verdicts.js';

/**
 * A copy of the ledger that a lane reads after it has begun without it: what the lane did since is done again over the copy, by the same rules. A
 * rollback marks the builds that the copy has after its target, and what was moved since has no mark from before. A mark that a person took off since stays off.
 */
export function withLater(
  copy: Ledger,
  { ledger: since, rollback, move }: Pick<LaneState, 'ledger' | 'rollback' | 'move'>,
): Ledger {
  const last = copy.history.at(-1)?.at ?? '';
  const later = since.history.filter(({ at }) => at > last);
  const ledger = structuredClone(copy);
  // A build keeps the sequence that it was released with.
  const bySeen = Object.entries(since.order).sort(([, a], [, b]) => a.seen - b.seen);
  for (const [sha, { sequence }] of bySeen) keyOf(ledger, sha, sequence);
  repeat(ledger, later);
  if (rollback) {
    const mark = {
      since: new Date().toISOString(),
      by: 'the lane',
      reason: `a rollback to ${rollback.sha} was under way`,
    };
    markRollback({ ledger, move }, rollback, mark);
  }
  for (const verdict of since.verdicts) noteVerdict({ ledger }, verdict);
  // What the lane marked itself, by what it knew.
  const own = emptyLane().ledger;
  for (const entry of since.history) if (!later.includes(entry)) record(own, entry);
  repeat(own, later);
  ledger.knownBad = ledger.knownBad.filter(({ sha }) => !markOf(own, sha) || markOf(since, sha));
  return {
    ...withMarks(ledger, since.knownBad),
    // What a lane counts only grows.
    seen: Math.max(ledger.seen, since.seen),
    highestSequence: Math.max(ledger.highestSequence, since.highestSequence),
    hold: since.hold && since.hold.name !== 'not-recovered' ? since.hold : holdAfter(ledger, later),
    pause: since.pause ?? ledger.pause,
    outOfOrder: since.outOfOrder ?? ledger.outOfOrder,
    ...(since.watchStartedFor && { watchStartedFor: since.watchStartedFor }),
    ...(since.watchedFor && { watchedFor: since.watchedFor }),
  };
}

/** Records entries again, with the marks that each sets and takes off. */
function repeat(ledger: Ledger, entries: LedgerEntry[]): void {
  for (const entry of entries) {
    const { sha, kind, at: since, by, reason, images } = entry;
    if (sha !== null && kind === 'rollback') {
      nameAdopted(ledger, sha, images);
      markRollback({ ledger, move: null }, { sha, images }, { since, by, reason });
    }
    if (sha !== null && kind === 'promotion')
      ledger.knownBad = ledger.knownBad.filter((one) => !sameBuild(one.sha, sha));
    record(ledger, entry);
  }
}

/** What later entries leave of a hold: a move ends each, an adoption all but one after a rollback. */
const holdAfter = ({ hold }: Ledger, later: LedgerEntry[]): Ledger['hold'] =>
  later.some(({ kind }) => kind !== 'adopted' || hold?.name !== 'after-rollback') ? null : hold;

/** Adds marks of known-bad builds that a ledger does not have. */
export function withMarks(ledger: Ledger, marks: KnownBadBuild[]): Ledger {
  const more = marks.filter(
    ({ sha }, index) =>
      marks.findIndex((one) => one.sha === sha) === index && !ledger.knownBad.some((one) => one.sha === sha),
  );
  return { ...ledger, knownBad: newest([...ledger.knownBad, ...more], MAX_BUILDS, KNOWN_BAD_BYTES) };
}
