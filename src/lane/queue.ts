import { HOLDS, type HoldName, holdRow } from '../contract/hold.js';
import type {
  LaneAnswer,
  LaneRequest,
  LaneResult,
  LaneState,
  Ledger,
  PositionRequest,
  Revocation,
} from '../contract/lane.js';
import { digestOf } from '../contract/move.js';
import { sameBuild } from '../contract/sha.js';
import { describeMark, describeRejection, isOlder, keyOf, markOf, rejectionOf } from './ledger.js';
import { ANSWERS_BYTES, MAX_QUEUE, newest } from './limits.js';
import { countSuperseded, invalidSequence, undated } from './sequence.js';
import { MAX_KEPT } from './state.js';

/** Adds a release to the queue, or answers it at once. Idempotent by run id.
 * @returns false if nothing has changed. */
export function enqueue(state: LaneState, request: LaneRequest): boolean {
  if (isKnown(state, request)) return false;
  // Before its build gets a key: requests that are not taken must not push the keys of others out.
  if (request.manual && state.queue.filter((one) => one.manual).length >= MAX_QUEUE) return false;
  const invalid = invalidSequence(state.ledger, request);
  if (invalid !== null) {
    answer(state, request, { invalid });
    return true;
  }
  const isDated = undated(state.ledger, { ...request, force: false }) === null;
  const key = keyOf(state.ledger, request.sha, request.sequence);
  // A build that is forced although nothing dates it stays one: that it was asked for does not make it new.
  if (!isDated) key.seen = Math.min(key.seen, (state.ledger.lost?.seen ?? 0) - 1);
  const result = refusalOf(state, request);
  if (result !== null) {
    answer(state, request, result);
    return true;
  }
  const liveSince = alreadyLiveSince(state, request);
  if (liveSince !== null) {
    answer(state, request, { alreadyLive: liveSince });
    return true;
  }
  if (request.manual) {
    state.queue.push(request);
    return true;
  }
  // Only the newest build waits; manual requests wait beside it.
  const newer = state.queue.find((one) => !one.manual && isOlder(key, keyOf(state.ledger, one.sha)));
  if (newer) {
    answer(state, request, { superseded: newer.sha });
    return true;
  }
  for (const passed of state.queue.filter((one) => !one.manual)) answer(state, passed, { superseded: request.sha });
  state.queue = [...state.queue.filter((one) => one.manual), request];
  return true;
}

/** Waiting releases in the order in which they acquire the lane: manual requests first. */
export const inOrder = (queue: LaneRequest[]): LaneRequest[] => [
  ...queue.filter((one) => one.manual),
  ...queue.filter((one) => !one.manual),
];

/** Grants the lane to the next release if it is free and nothing moves. */
export function grant(state: LaneState, now: number): boolean {
  // A release that begins during a move would read a :latest that is about to change.
  if (state.holder !== null || state.move !== null || state.rollback !== null) return false;
  for (;;) {
    const [next] = inOrder(state.queue);
    if (next === undefined) return false;
    state.queue = state.queue.filter((one) => one !== next);
    // A build may have become too old, or known-bad, while it waited.
    const result = refusalOf(state, next);
    if (result !== null) {
      answer(state, next, result);
      continue;
    }
    state.fencingToken += 1;
    if (!next.manual) state.ledger.outOfOrder = null;
    state.holder = { ...next, fencingToken: state.fencingToken, since: new Date(now).toISOString() };
    return true;
  }
}

/** Consecutive preemptions that raise an alarm, of releases whose canary tenants had left: the gate no longer tests any build to the end. */
const PREEMPTIONS_ALARM = 3;
const isCanaryGone = (hold: string | undefined) =>
  hold !== undefined && Object.hasOwn(HOLDS, hold) && holdRow(hold as HoldName).isCanaryGone === true;

/** Revokes the lane of a holder that may be preempted. True if the alarm `consecutive-preemptions` is due. */
export function preempt(state: LaneState, now: number): boolean {
  const { holder, ledger } = state;
  const superseded = preemptedBy(state, now);
  if (!holder || superseded === null) return false;
  holder.revocation = { superseded };
  if (!isCanaryGone(holder.heldFor?.hold)) return false;
  ledger.consecutivePreemptions += 1;
  return ledger.consecutivePreemptions % PREEMPTIONS_ALARM === 0;
}

/** Build that gets the lane next, if it may preempt the holder at `now` (epoch, ms); else null. */
export function preemptedBy(state: LaneState, now: number): string | null {
  const { holder, queue, ledger } = state;
  const [next] = inOrder(queue);
  if (!holder?.heldFor || holder.revocation || next === undefined || now < holder.heldFor.preemptibleAt) return null;
  return next.manual || isOlder(keyOf(ledger, holder.sha), keyOf(ledger, next.sha)) ? next.sha : null;
}

/** Whether no build is tested to the end any more: until the next promotion, the alarm `consecutive-preemptions` holds. */
export const isPreemptedInARow = ({ consecutivePreemptions }: Ledger) => consecutivePreemptions >= PREEMPTIONS_ALARM;

/** Whether the lane knows a request: it waits, holds the lane, or was answered. */
export const isKnown = (state: LaneState, request: PositionRequest): boolean =>
  state.queue.some(({ runId }) => runId === request.runId) || resultOf(state, request) !== null;

/** Result of a request; null while it waits, or if the lane does not know it. */
export function resultOf(state: LaneState, { runId, recheck, sha }: PositionRequest): LaneResult | null {
  const rejected = sha && rejectionOf(state.ledger, sha);
  if (state.holder?.runId === runId) return { fencingToken: state.holder.fencingToken, ...(rejected && { rejected }) };
  const answer = state.answers.findLast((one) => one.runId === runId && !(recheck && 'alreadyLive' in one));
  if (!answer) return null;
  const { runId: _, ...result } = answer;
  return 'knownBad' in result && rejected ? { ...result, rejected } : result;
}

/** Since when a promoted build has been live according to the ledger; its release only checks that. Null if it must be tested. */
function alreadyLiveSince(
  { ledger: { history, expectedLatest } }: LaneState,
  { sha, manual, recheck }: LaneRequest,
): string | null {
  const last = history.at(-1);
  if (manual || recheck || !last?.sha || last.kind === 'adopted' || !sameBuild(last.sha, sha)) return null;
  const isStillLive = last.images.every(
    ({ repository, digest }) => digestOf(expectedLatest?.images ?? [], repository) === digest,
  );
  return isStillLive ? `since ${last.at}, by ${last.by}` : null;
}

function refusalOf({ ledger }: LaneState, request: LaneRequest): { superseded: string } | { knownBad: string } | null {
  const { sha, manual } = request;
  const knownBad = knownBadRefusal(ledger, request);
  if (knownBad !== null) return { knownBad };
  const { newestPromoted } = ledger;
  if (manual || newestPromoted === null || sameBuild(newestPromoted.sha, sha)) return null;
  return isOlder(keyOf(ledger, sha), newestPromoted.key) ? { superseded: newestPromoted.sha } : null;
}

/** Why the lane would refuse a request for its build or its sequence, and what `force` overrides; each null if there is nothing. */
export function previewRequest(
  ledger: Ledger,
  request: Pick<LaneRequest, 'sha' | 'sequence' | 'promoteOnly' | 'force'>,
): { refused: string | null; forced: string | null } {
  const refusal = (force = false) => {
    const bad = knownBadRefusal(ledger, { ...request, force });
    return invalidSequence(ledger, { ...request, force }) ?? (bad && `was ${bad}`);
  };
  const refused = refusal(request.force);
  return { refused, forced: refused === null ? refusal() : null };
}

/** Why the lane refuses a known-bad build: one that was rolled back from is not released, and neither kind is promoted untested without force. Null if it does not. */
export function knownBadRefusal(
  ledger: Ledger,
  request: Pick<LaneRequest, 'sha' | 'promoteOnly' | 'force'>,
): string | null {
  const { sha, promoteOnly, force } = request;
  if (promoteOnly && force) return null;
  const mark = markOf(ledger, sha);
  if (mark) return describeMark(mark);
  const rejection = promoteOnly ? rejectionOf(ledger, sha) : undefined;
  return rejection ? describeRejection(rejection) : null;
}

/** Reason of a revocation, on one line. */
export const describeRevocation = (revocation: Revocation) =>
  'revoked' in revocation ? revocation.revoked : `superseded by ${revocation.superseded}`;

/** Answers a request that does not get the lane; only the last answers are kept. */
export function answer(
  state: LaneState,
  { runId, sha }: LaneRequest,
  result: Exclude<LaneResult, { fencingToken: number }>,
): void {
  if ('superseded' in result) countSuperseded(state.ledger, sha, result.superseded);
  const answers: LaneAnswer[] = [...state.answers, { runId, ...result }];
  state.answers = newest(answers, MAX_KEPT, ANSWERS_BYTES);
}
