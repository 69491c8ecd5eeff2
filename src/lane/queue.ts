import type { Answer, Ask, LaneState, Lost, Turn } from '../contract/lane.js';
import { sameBuild } from '../contract/sha.js';
import { badBuild, isOlder, keyOf } from './ledger.js';
import { ANSWERS_BYTES, newest } from './limits.js';
import { MAX_KEPT } from './state.js';

/** Takes a release into the queue, or answers it at once. Asking twice is asking once. */
export function ask(state: LaneState, asked: Ask): void {
  if (isKnown(state, asked)) return;
  const key = keyOf(state.ledger, asked.sha, asked.sequence);
  const no = refusalOf(state, asked);
  if (no !== null) {
    answer(state, asked, no);
    return;
  }
  const live = liveSince(state, asked);
  if (live !== null) {
    answer(state, asked, { live });
    return;
  }
  if (asked.byWord) {
    state.queue.push(asked);
    return;
  }
  // Of those that wait only the newest is kept.
  const newer = state.queue.find((one) => !one.byWord && isOlder(key, keyOf(state.ledger, one.sha)));
  if (newer) {
    answer(state, asked, { superseded: newer.sha });
    return;
  }
  for (const passed of state.queue.filter((one) => !one.byWord)) answer(state, passed, { superseded: asked.sha });
  state.queue = [...state.queue.filter((one) => one.byWord), asked];
}

/** Those that wait, whoever is next first. A human's word comes before all others. */
export const inOrder = (queue: Ask[]): Ask[] => [
  ...queue.filter((one) => one.byWord),
  ...queue.filter((one) => !one.byWord),
];

/** Gives the turn to whoever is next, when nobody has it and nothing moves. */
export function grant(state: LaneState, now: number): boolean {
  // Whoever begins while something moves sees :latest where it is about to be no more.
  if (state.holder !== null || state.move !== null || state.rollback !== null) return false;
  for (;;) {
    const [next] = inOrder(state.queue);
    if (next === undefined) return false;
    state.queue = state.queue.filter((one) => one !== next);
    // It may have become too old, or bad, while it waited.
    const no = refusalOf(state, next);
    if (no !== null) {
      answer(state, next, no);
      continue;
    }
    state.turn += 1;
    state.holder = { ...next, turn: state.turn, since: new Date(now).toISOString() };
    return true;
  }
}

/** Releases that lost their canaries, one after the other, before somebody has to know: the gate tests nothing any more. */
const STARVED = 3;
const CANARIES_GONE = ['canary-left', 'canary-not-updated'];

/** Takes its turn from a holder that has to give way. True when that makes one too many that lost their canaries. */
export function takeOver(state: LaneState, now: number): boolean {
  const { holder, ledger } = state;
  const superseded = givesWayTo(state, now);
  if (!holder || superseded === null) return false;
  holder.lost = { superseded };
  if (!CANARIES_GONE.includes(holder.waits?.hold ?? '')) return false;
  ledger.starved += 1;
  return ledger.starved % STARVED === 0;
}

/** The newest build that waits while the holder is held for longer than it may be; the holder gives way to it. */
export function givesWayTo(state: LaneState, now: number): string | null {
  const { holder, queue, ledger } = state;
  const next = queue.at(-1);
  if (!holder?.waits || holder.lost || next === undefined || now < holder.waits.givesWayAt) return null;
  return next.byWord || isOlder(keyOf(ledger, holder.sha), keyOf(ledger, next.sha)) ? next.sha : null;
}

/** Whether the lane has heard of an ask: it waits, or was answered. */
export const isKnown = (state: LaneState, asked: Pick<Ask, 'runId' | 'anew'>): boolean =>
  state.queue.some(({ runId }) => runId === asked.runId) || turnOf(state, asked) !== null;

/** What became of an ask; null while it waits, or was never heard of. */
export function turnOf(state: LaneState, { runId, anew }: Pick<Ask, 'runId' | 'anew'>): Turn | null {
  if (state.holder?.runId === runId) return { turn: state.holder.turn };
  const answer = state.answers.findLast((one) => one.runId === runId && !(anew && 'live' in one));
  if (!answer) return null;
  const { runId: _, ...turn } = answer;
  return turn;
}

/** A build that was promoted, and is where that left it, has nothing to do but to look whether it still is. */
function liveSince({ ledger: { moves, left } }: LaneState, { sha, byWord, anew }: Ask): string | null {
  const last = moves.at(-1);
  if (byWord || anew || !last?.sha || last.kind === 'adopted' || !sameBuild(last.sha, sha)) return null;
  const stands = last.images.every(({ digest }, index) => left?.images[index]?.digest === digest);
  return stands ? `since ${last.at}, by ${last.by}` : null;
}

function refusalOf({ ledger }: LaneState, { sha, byWord }: Ask): { superseded: string } | { bad: string } | null {
  const bad = badBuild(ledger, sha);
  if (bad) return { bad: badWords(bad) };
  const { mark } = ledger;
  if (byWord || mark === null || sameBuild(mark.sha, sha)) return null;
  return isOlder(keyOf(ledger, sha), mark.key) ? { superseded: mark.sha } : null;
}

export const lostWords = (lost: Lost) => ('revoked' in lost ? lost.revoked : `superseded by ${lost.superseded}`);

export const badWords = ({ since, by, reason }: { since: string; by: string; reason: string }) =>
  `rolled back on ${since} by ${by}: ${reason}`;

/** Answers a run that asked; only the last answers are kept. */
export function answer(state: LaneState, { runId }: Ask, no: Exclude<Turn, { turn: number }>): void {
  const answers: Answer[] = [...state.answers, { runId, ...no }];
  state.answers = newest(answers, MAX_KEPT, ANSWERS_BYTES);
}
