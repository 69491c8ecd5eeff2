import type {
  BadBuild,
  LaneState,
  Ledger,
  MoveDecision,
  MoveQuestion,
  MoveReport,
  RunRef,
  TagState,
} from '../contract/lane.js';
import { areOnOneBuild, isWhole, type MoveInput } from '../contract/move.js';
import { sameBuild } from '../contract/sha.js';
import { isPaused } from './commands.js';
import { isOlder, keyOf, record } from './ledger.js';
import { brief } from './limits.js';
import { describeKnownBad, describeRevocation } from './queue.js';
import { MAX_KEPT } from './state.js';

/** How long after its last yes a mover may still write: the window of a yes and a PUT's time-out, in milliseconds (protocol §3). */
export const LEASE_MS = 12_000;
/** How long after a move of ours a read may still show what was before it, in milliseconds. */
const RECENT_MS = 60_000;

/** The last word on a move (protocol §3). A yes is remembered until its mover reports, or it is taken back. */
export function authorizeMove(state: LaneState, question: MoveQuestion, now: number): MoveDecision {
  const { moverRunId, parent, input } = question;
  const { kind, sha } = input;
  if (state.finishedRuns.includes(parent.runId)) return { no: `${parent.workflowId} has had its move` };
  if (state.move?.moverRunId === moverRunId) {
    if (state.move.leaseRevokedAt !== undefined) return { no: 'its yes was taken back' };
    state.move.leaseGrantedAt = now;
    return 'yes';
  }
  const no = kind === 'rollback' ? rollbackRefusal(state, question) : promotionRefusal(state, question, now);
  if (no !== null) return { no };
  if (kind === 'promotion') {
    const word = latestDecision(state, question, now);
    if (word !== 'yes') return word;
  }
  if (state.move !== null && state.move.parent.runId !== parent.runId) {
    // Another one's writes may still be on their way.
    state.move.leaseRevokedAt ??= now;
    if (leaseLeft(state, parent, now) > 0) return 'later';
    // What it may still report is from before this move.
    state.finishedRuns = [...state.finishedRuns, state.move.parent.runId].slice(-MAX_KEPT);
  }
  state.move = { moverRunId, parent, kind, sha, leaseGrantedAt: now };
  return 'yes';
}

/** For how long something that another one's mover wrote may still be on its way, in milliseconds: a yes counts from before it was asked for. */
export function leaseLeft({ move }: LaneState, parent: Pick<RunRef, 'runId'>, now: number): number {
  if (move === null || move.parent.runId === parent.runId) return 0;
  // A yes comes before its taking back: the earlier of the two is none of a clock that was set back since.
  const from = Math.min(move.leaseGrantedAt ?? now, move.leaseRevokedAt ?? now);
  return Math.max(0, from + LEASE_MS - now);
}

function rollbackRefusal({ rollback, ledger }: LaneState, { parent, input }: MoveQuestion): string | null {
  if (rollback?.runId !== parent.runId) return `${parent.workflowId} is not the rollback that was announced last`;
  const bad = knownBadOf(ledger, input);
  return bad && !rollback.force
    ? `${input.sha} was ${describeKnownBad(bad)}; with force it goes on all the same`
    : null;
}

/** How a refusal begins that is over when the pause is. */
export const PAUSED = 'paused by ';

function promotionRefusal(state: LaneState, { parent, input }: MoveQuestion, now: number): string | null {
  const { holder, rollback, ledger } = state;
  if (holder?.runId !== parent.runId) return `${parent.workflowId} has not its turn`;
  if (holder.revocation) return describeRevocation(holder.revocation);
  if (rollback) return `a rollback to ${rollback.sha} is under way`;
  const bad = knownBadOf(ledger, input);
  if (bad) return `${input.sha} was ${describeKnownBad(bad)}`;
  const { newestPromoted } = ledger;
  if (
    newestPromoted &&
    !holder.manual &&
    !sameBuild(newestPromoted.sha, input.sha) &&
    isOlder(keyOf(ledger, input.sha), newestPromoted.key)
  )
    return `${newestPromoted.sha} is newer and was promoted meanwhile`;
  // A pair that has begun is finished.
  const goesOn = state.move?.parent.runId === parent.runId;
  const { pause } = ledger;
  return pause && isPaused(state, now) && !goesOn ? `${PAUSED}${pause.by}: ${pause.why}` : null;
}

/** The same content under another sha is as bad. */
function knownBadOf({ knownBad }: Ledger, { sha, images }: MoveInput): BadBuild | undefined {
  const digests = images.map(({ to }) => to);
  return knownBad.find((one) => sameBuild(one.sha, sha) || one.digests.some((digest) => digests.includes(digest)));
}

/** I8, and what keeps a lane from promoting by itself; a human who approved that very hold accepted it. */
function latestDecision({ ledger }: LaneState, { input, latest }: MoveQuestion, now: number): MoveDecision {
  const latestMoved = latest.map(({ digest }) => digest);
  // Whoever approves has to see all that is written over.
  const found = latest
    .map(({ repository, digest }) => `${repository}:latest stands at ${digest ?? 'nothing'}`)
    .join('; ');
  if (ledger.hold && !input.accepted) return { no: `${ledger.hold.name}: ${ledger.hold.why}; ${found}`, latestMoved };
  const isStrange = input.images.some(({ repository, to, from }, index) => {
    const stands = latest[index]?.digest ?? null;
    const left = ledger.expectedLatest?.images.find((one) => one.repository === repository)?.digest ?? null;
    return stands !== to && stands !== left && !(input.accepted && stands === from);
  });
  if (!isStrange) return 'yes';
  if (ledger.expectedLatest && now - ledger.expectedLatest.at < RECENT_MS) return 'later';
  return { no: `${found}, not where the last move left it: somebody else moved it`, latestMoved };
}

/** Keeps what a mover reports; twice is once. */
export function reportMove(state: LaneState, { moverRunId, parent, input, images }: MoveReport, now: number): void {
  const hadLease = state.move?.moverRunId === moverRunId;
  const wasRevoked = hadLease && state.move?.leaseRevokedAt !== undefined;
  if (hadLease) state.move = null;
  if (images === 'stopped' || state.finishedRuns.includes(parent.runId)) return;
  // One that finds its work done asks nobody; without a turn that is no news.
  const isExpected = [state.holder, state.rollback].some((run) => run?.runId === parent.runId);
  if (!hadLease && !isExpected && images.every(({ result }) => result === 'already')) return;
  // Nothing moved: its one move is still to come, when somebody says `retry`.
  if (images.every(({ result }) => result === 'restored')) return;
  state.finishedRuns = [...state.finishedRuns, parent.runId].slice(-MAX_KEPT);
  const { ledger } = state;
  const at = new Date(now).toISOString();
  const left: TagState[] = images.map(({ repository, latest }) => ({ repository, digest: latest }));
  if (isWhole(images)) {
    ledger.expectedLatest = { images: images.map(({ repository, digest }) => ({ repository, digest })), at: now };
    const { sha, kind, by, reason } = input;
    record(ledger, { sha, at, kind, by, reason, images: ledger.expectedLatest.images });
    if (kind === 'rollback') return;
    ledger.consecutivePreemptions = 0;
    // A hold that began since is not what was approved.
    if (input.accepted && !wasRevoked) ledger.hold = null;
    return;
  }
  const why = images.map(({ repository, result, latest }) => `${repository} ${result} at ${latest ?? 'nothing'}`);
  ledger.expectedLatest = { images: left, at: now };
  ledger.hold = {
    name: areOnOneBuild(images) ? 'latest-moved' : 'pair-split',
    why: `the move to ${input.sha} ended with ${why.join(', ')}`,
    by: brief(input.by),
    since: at,
  };
}
