import type { Digest } from '../contract/image.js';
import type { LaneState, Revocation, RollbackRequest } from '../contract/lane.js';
import type { TagState } from '../contract/move.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { describeMark, lastMoveOf, markOf, nameAdopted, whyKnownBad } from './ledger.js';
import { brief, KNOWN_BAD_BYTES, newest } from './limits.js';
import { enqueue } from './queue.js';
import { MAX_BUILDS, MAX_KEPT } from './state.js';

/**
 * Begins a rollback: marks as known-bad the builds first promoted after the target's first promotion and a build whose move is under way,
 * unmarks the target, puts the lane on hold, revokes the holder and an open write lease. The rollback announced last wins. Without `force`
 * a target that was never promoted, or is known-bad (rolled back from, or rejected by canary), is refused, and nothing changes.
 * @param isRunning whether its run is still running: the lane may hear of it late.
 */
export function beginRollback(
  state: LaneState,
  request: RollbackRequest,
  now: number,
  isRunning = true,
): { refused: string } | null {
  const { ledger } = state;
  const since = new Date(now).toISOString();
  const { workflowId, runId, sha, force } = request;
  const by = brief(request.by);
  const reason = brief(request.reason);
  if (state.requestedRollbacks.includes(runId) || state.finishedRuns.includes(runId)) return null;
  nameAdopted(ledger, sha, request.images ?? []);
  const refused = force ? null : refusalOf(state, sha);
  if (refused !== null) return { refused };
  state.requestedRollbacks = [...state.requestedRollbacks, runId].slice(-MAX_KEPT);
  // One that has ended meanwhile displaces no other.
  if (isRunning || state.rollback === null) state.rollback = { workflowId, runId, sha, force };
  ledger.knownBad = ledger.knownBad.filter((one) => !sameBuild(one.sha, sha));
  for (const bad of badAfter(state, sha))
    if (!markOf(ledger, bad))
      ledger.knownBad.push({ sha: bad as typeof sha, digests: digestsOf(state, bad), since, by, reason });
  ledger.knownBad = newest(ledger.knownBad, MAX_BUILDS, KNOWN_BAD_BYTES);
  ledger.hold = { name: 'after-rollback', why: `rolled back to ${sha} by ${by}: ${reason}`, by, since };
  if (state.holder) state.holder.revocation ??= revoked(state, `a rollback to ${sha} was begun by ${by}: ${reason}`);
  if (state.move) state.move.leaseRevokedAt ??= now;
  for (const one of state.queue.splice(0)) enqueue(state, one);
  return null;
}

function refusalOf({ ledger }: LaneState, sha: Sha): string | null {
  const bad = whyKnownBad(ledger, sha);
  if (bad !== null) return `${sha} was ${bad}`;
  return ledger.firstPromoted[shortSha(sha)] === undefined ? `${sha} was never promoted here` : null;
}

/** Digests that the newest move of a build left at `:latest`; null if the history has none. */
export const digestsOfMove = ({ ledger }: LaneState, sha: Sha): TagState[] | null =>
  lastMoveOf(ledger, sha)?.images ?? null;

function revoked({ holder, ledger }: LaneState, why: string): Revocation {
  const bad = holder && markOf(ledger, holder.sha);
  return bad ? { revoked: describeMark(bad), knownBad: true } : { revoked: why };
}

/** Builds that came after the target, up to the live one, and the build that is being moved. */
function badAfter({ ledger, move }: LaneState, target: string): string[] {
  const first = ledger.firstPromoted[shortSha(target)];
  const after = Object.entries(ledger.firstPromoted)
    .filter(([sha, nth]) => first !== undefined && nth > first && !sameBuild(sha, target))
    // Sorted by number: a record lists a sha of only digits first.
    .sort(([, a], [, b]) => a - b)
    .map(([sha]) => lastMoveOf(ledger, sha)?.sha ?? sha);
  // With a target that was never promoted, only the live build is known to be rolled back from.
  const live = ledger.history.at(-1)?.sha;
  if (first === undefined && live && !sameBuild(live, target)) after.push(live);
  if (move?.kind === 'promotion' && !sameBuild(move.sha, target)) after.push(move.sha);
  return [...new Set(after)];
}

function digestsOf({ ledger }: LaneState, sha: string): Digest[] {
  const entry = ledger.history.findLast((one) => one.kind !== 'rollback' && sameBuild(one.sha ?? '', sha));
  return entry?.images.flatMap(({ digest }) => digest ?? []) ?? [];
}

/** Effect that a rollback would have on the lane. */
export interface RollbackPreview {
  /** Why it would be refused without `force`; null if it would not. */
  refused: string | null;
  /** Builds that it would mark as known-bad. */
  bad: Sha[];
}

/** Applies a rollback to a copy of the lane, with and without `force`. */
export function previewRollback(
  state: LaneState,
  request: Omit<RollbackRequest, 'force'>,
  now: number,
): RollbackPreview {
  const [unforced, forced] = [structuredClone(state), structuredClone(state)];
  const refused = beginRollback(unforced, { ...request, force: false }, now)?.refused ?? null;
  beginRollback(forced, { ...request, force: true }, now);
  const marked = forced.ledger.knownBad.map(({ sha }) => sha);
  return { refused, bad: marked.filter((sha) => !markOf(state.ledger, sha)) };
}
