import type { LaneState, MoveDecision, MoveQuestion, MoveReport, RunRef } from '../contract/lane.js';
import {
  areOnOneBuild,
  digestOf,
  isWhole,
  type MoveInput,
  type MoveRefusalReason,
  type MoveTarget,
  type RecordedImage,
  type TagState,
  whereItStands,
} from '../contract/move.js';
import { sameBuild } from '../contract/sha.js';
import { isOlder, keyOf, lastMoveOf, markOf, record, whyKnownBad, whyNotLive, whySameContent } from './ledger.js';
import { brief, holdReason, MAX_IMAGES } from './limits.js';
import { describeRevocation, knownBadRefusal } from './queue.js';
import { afterRollback, isPaused, MAX_KEPT } from './state.js';

/** Time after its last grant in which a mover may still write, in milliseconds: the window of a write lease (2 s) and the time-out of a PUT (10 s). docs/protocol.md, The write lease. */
export const LEASE_MS = 12_000;
/** Time after a move in which a read may still return the earlier digest, in milliseconds. */
const RECENT_MS = 60_000;

const ALLOW: MoveDecision = { decision: 'allow' };

const deny = (refusal: MoveRefusalReason, message: string, latest?: TagState[]): MoveDecision => ({
  decision: 'deny',
  refusal,
  message,
  ...(latest && { latest }),
});

/** Decides on a write lease (docs/protocol.md, The write lease). One mover has it until it reports, or until the lease is revoked. */
export function authorizeMove(state: LaneState, question: MoveQuestion, now: number): MoveDecision {
  const { moverRunId, parent, input, begun } = question;
  const { kind, sha } = input;
  if (state.finishedRuns.includes(parent.runId))
    return deny('already-moved', `${parent.workflowId} has already moved :latest`);
  if (state.move?.moverRunId === moverRunId) {
    if (state.move.leaseRevokedAt !== undefined) return deny('lease-revoked', 'write lease revoked');
    // Before its first write it is decided again: any client may have asked in its name, with another order and another `:latest`.
    if (begun) {
      state.move.leaseGrantedAt = now;
      return ALLOW;
    }
  }
  const decision = kind === 'rollback' ? decideRollback(state, question, now) : decidePromotion(state, question, now);
  if (decision.decision !== 'allow') return decision;
  if (state.move !== null && state.move.parent.runId !== parent.runId) {
    // Writes of the other run's mover may still be in flight.
    state.move.leaseRevokedAt ??= now;
    if (leaseLeft(state, parent, now) > 0) return { decision: 'retry' };
    // A late report of that mover would describe the state before this move: it no longer counts.
    state.finishedRuns = [...state.finishedRuns, state.move.parent.runId].slice(-MAX_KEPT);
  }
  state.move = { moverRunId, parent, kind, sha, leaseGrantedAt: now };
  return ALLOW;
}

/** Time in which a write of another run's mover may still be in flight, in milliseconds. The mover counts its lease from before its request, so the lane's count ends later. */
export function leaseLeft({ move }: LaneState, parent: Pick<RunRef, 'runId'>, now: number): number {
  if (move === null || move.parent.runId === parent.runId) return 0;
  // The grant comes before the revocation, so the earlier time is right even if the clock was set back in between.
  const from = Math.min(move.leaseGrantedAt ?? now, move.leaseRevokedAt ?? now);
  return Math.max(0, from + LEASE_MS - now);
}

function decideRollback(state: LaneState, question: MoveQuestion, now: number): MoveDecision {
  const { rollback, ledger } = state;
  const { parent, input } = question;
  if (rollback?.runId !== parent.runId)
    return deny('not-announced', `${parent.workflowId} is not the rollback that was announced last`);
  if (!sameBuild(rollback.sha, input.sha)) return deny('foreign', `${parent.workflowId} does not move to ${input.sha}`);
  const bad = whyKnownBad(ledger, input.sha) ?? whySameContent(ledger, targetsOf(input));
  if (bad !== null && !rollback.force) return deny('needs-force', `${input.sha} was ${bad}`);
  if (input.onlyFrom === undefined) return ALLOW;
  const gone = whyNotLive(ledger, input.onlyFrom);
  return gone === null ? decideByLatest(state, question, now) : deny('superseded', gone);
}

function decidePromotion(state: LaneState, question: MoveQuestion, now: number): MoveDecision {
  const { parent, input } = question;
  const { holder, rollback, ledger } = state;
  if (holder?.runId !== parent.runId) return deny('not-holder', `${parent.workflowId} does not hold the lane`);
  if (!sameBuild(holder.sha, input.sha)) return deny('foreign', `${parent.workflowId} does not move to ${input.sha}`);
  if (holder.revocation) return deny('not-holder', describeRevocation(holder.revocation));
  if (rollback) return deny('not-announced', `a rollback to ${rollback.sha} is under way`);
  // Any client may ask for the lane in the name of a release: what a person asked for stands in the order of its mover, too.
  const isForced = holder.promoteOnly === true && holder.force === true && input.force === true;
  const bad =
    knownBadRefusal(ledger, { ...holder, force: isForced }) ??
    (isForced ? null : whySameContent(ledger, targetsOf(input)));
  if (bad !== null) return deny('known-bad', `${input.sha} was ${bad}`);
  const { newestPromoted } = ledger;
  if (
    newestPromoted &&
    !(holder.manual && input.manual) &&
    !sameBuild(newestPromoted.sha, input.sha) &&
    isOlder(keyOf(ledger, input.sha), newestPromoted.key)
  )
    return deny('superseded', `${newestPromoted.sha} is newer and was promoted in the meantime`);
  // A move that has begun is finished even while the lane is paused.
  const hasBegun = state.move?.parent.runId === parent.runId;
  const { pause } = ledger;
  if (pause && isPaused(pause, now) && !hasBegun) return deny('paused', `paused by ${pause.by}: ${pause.why}`);
  // An approval must show every digest that it would write over.
  if (ledger.hold && !input.accepted)
    return deny('lane-held', `${ledger.hold.name}: ${ledger.hold.why}; ${whereFound(question)}`, question.latest);
  return decideByLatest(state, question, now);
}

const whereFound = ({ latest }: MoveQuestion) => latest.map((image) => whereItStands(image)).join('; ');

/** Checks that `:latest` is where the last move left it (invariant I8), or where an approval saw it. */
function decideByLatest({ ledger }: LaneState, question: MoveQuestion, now: number): MoveDecision {
  const { input, latest } = question;
  const isUnexpected = input.images.some(({ repository, to, from, unchanged }) => {
    const actual = digestOf(latest, repository);
    const expected = digestOf(ledger.expectedLatest?.images ?? [], repository);
    // What an unchanged image is at was read there: only the ledger tells whether it belongs there.
    return (actual !== to || unchanged === true) && actual !== expected && !(input.accepted && actual === from);
  });
  if (!isUnexpected) return ALLOW;
  if (ledger.expectedLatest && now - ledger.expectedLatest.at < RECENT_MS) return { decision: 'retry' };
  return deny(
    'latest-moved',
    `${whereFound(question)}, not where the last move left it: it was moved from outside`,
    latest,
  );
}

const targetsOf = ({ images }: MoveInput) => images.map(({ to }) => to);

const toRecorded = ({ repository, to, unchanged, floor }: MoveTarget): RecordedImage => ({
  repository,
  digest: to,
  ...(unchanged && { unchanged }),
  ...(floor && { floor }),
});

/** Adds what a build brought to its mark: a rollback that revoked its lease marked it when its images were in no history. What the target of that rollback has too is not what is bad. */
function markContent({ ledger, rollback }: LaneState, { sha, images }: MoveInput): void {
  const mark = markOf(ledger, sha);
  const back = rollback?.sha ?? ledger.history.findLast(({ kind }) => kind === 'rollback')?.sha;
  if (!mark || !back) return;
  const good = lastMoveOf(ledger, back)?.images.map(({ digest }) => digest) ?? [];
  const brought = images.flatMap(({ to, unchanged }) => (unchanged || good.includes(to) ? [] : [to]));
  mark.digests = [...new Set([...mark.digests, ...brought])];
}

/** Records the report of a mover. Idempotent. */
export function reportMove(state: LaneState, { moverRunId, parent, input, images }: MoveReport, now: number): void {
  const hadLease = state.move?.moverRunId === moverRunId;
  const wasRevoked = hadLease && state.move?.leaseRevokedAt !== undefined;
  if (hadLease) state.move = null;
  if (images === 'stopped' || state.finishedRuns.includes(parent.runId)) return;
  // A mover that finds every image at its target requests no lease; its report counts only if its run is expected to move.
  const holder = state.holder?.revocation ? null : state.holder;
  const isExpected = [holder, state.rollback].some((run) => run?.runId === parent.runId);
  if (!hadLease && !isExpected && images.every(({ result }) => result === 'already')) return;
  // Nothing moved: the run may still make its one move, after a `retry`.
  if (images.every(({ result }) => result === 'restored')) return;
  state.finishedRuns = [...state.finishedRuns, parent.runId].slice(-MAX_KEPT);
  const { ledger } = state;
  const at = new Date(now).toISOString();
  const tagStates: TagState[] = images.map(({ repository, latest }) => ({ repository, digest: latest }));
  // A promotion moves all images that the gate has, a rollback those that its target has: the others stay where they were left.
  const left = input.kind === 'promotion' ? [] : (ledger.expectedLatest?.images ?? []);
  const others = left.filter(({ repository }) => !images.some((image) => image.repository === repository));
  const expect = (moved: TagState[]) => {
    ledger.expectedLatest = { images: [...moved, ...others].slice(0, MAX_IMAGES), at: now };
  };
  if (isWhole(images)) {
    expect(images.map(({ repository, digest }) => ({ repository, digest })));
    const { sha, kind, by, reason } = input;
    record(ledger, { sha, at, kind, by, reason, images: input.images.map(toRecorded) });
    if (kind === 'rollback') {
      if (ledger.hold?.name !== 'after-rollback') ledger.hold = afterRollback(sha, brief(by), brief(reason), at);
      return;
    }
    if (wasRevoked) markContent(state, input);
    // A forced promotion takes the mark off, as a forced rollback does: the build counts as good. Not that of a rollback which began meanwhile.
    if (input.force && !wasRevoked) ledger.knownBad = ledger.knownBad.filter((one) => !sameBuild(one.sha, sha));
    ledger.consecutivePreemptions = 0;
    // The approval does not cover a hold that began later, which revoked the lease.
    if (input.accepted && !wasRevoked) ledger.hold = null;
    return;
  }
  const why = images.map(({ repository, result, latest }) => `${repository} ${result} at ${latest ?? 'nothing'}`);
  expect(tagStates);
  ledger.hold = {
    name: areOnOneBuild(images) ? 'latest-moved' : 'pair-split',
    why: holdReason(`the move to ${input.sha} ended with ${why.join(', ')}`),
    by: brief(input.by),
    since: at,
  };
}
