import type { Digest } from '../contract/image.js';
import type {
  KnownBadBuild,
  LaneHold,
  LaneState,
  Ledger,
  LedgerEntry,
  Revocation,
  RollbackRequest,
} from '../contract/lane.js';
import type { RecordedImage } from '../contract/move.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { AUTO_ROLLBACK } from '../contract/tenants/production.js';
import {
  describeMark,
  isNamed,
  isOlder,
  lastMove,
  lastMoveOf,
  liveBefore,
  markOf,
  nameAdopted,
  supersededBy,
  whyKnownBad,
  whyNotLive,
  whySameContent,
} from './ledger.js';
import { brief, KNOWN_BAD_BYTES, newest } from './limits.js';
import { enqueue } from './queue.js';
import { afterRollback, MAX_BUILDS, MAX_KEPT } from './state.js';

/**
 * Begins a rollback: marks as known-bad what came after its target (`badAfter`) and a build whose move is under way,
 * unmarks the target, puts the lane on hold unless it is, revokes the holder and an open write lease. The rollback announced last wins. Without `force`
 * a target that was never promoted, or is known-bad (rolled back from, or rejected by canary), is refused, and nothing changes.
 * @param isRunning whether its run is still running: the lane may hear of it late.
 */
export function beginRollback(
  state: LaneState,
  request: RollbackRequest,
  now: number,
  isRunning = true,
): { refused: string; refusal: 'needs-force' | 'superseded' } | null {
  const { ledger } = state;
  const since = new Date(now).toISOString();
  const { workflowId, runId, sha, force } = request;
  const by = brief(request.by);
  const reason = brief(request.reason);
  if (state.rollback && isForcedSince(state, request)) state.rollback.force = true;
  if (state.requestedRollbacks.includes(runId) || state.finishedRuns.includes(runId)) return null;
  nameAdopted(ledger, sha, request.images ?? []);
  const late = force ? null : whyNotOnlyFrom(state, request);
  if (late !== null) return { refused: late, refusal: 'superseded' };
  const refused = force ? null : refusalOf(state, request);
  if (refused !== null) return { refused, refusal: 'needs-force' };
  state.requestedRollbacks = [...state.requestedRollbacks, runId].slice(-MAX_KEPT);
  // One that has ended meanwhile displaces no other.
  if (isRunning || state.rollback === null) state.rollback = { workflowId, runId, sha, force };
  markRollback(state, request, { since, by, reason });
  const hold = afterRollback(sha, by, reason, since);
  // Nothing has moved yet: what an earlier hold says of `:latest` is still so.
  if (ledger.hold === null || ledger.hold.name === 'after-rollback') ledger.hold = hold;
  if (state.holder) state.holder.revocation ??= revoked(state, hold.why);
  if (state.move) state.move.leaseRevokedAt ??= now;
  for (const one of state.queue.splice(0)) enqueue(state, one);
  return null;
}

/** Takes the mark off the target of a rollback, and marks as known-bad what came after it. */
export function markRollback(
  state: Pick<LaneState, 'ledger' | 'move'>,
  { sha, images = [] }: Pick<RollbackRequest, 'sha' | 'images'>,
  mark: Omit<KnownBadBuild, 'sha' | 'digests'>,
): void {
  const { ledger } = state;
  ledger.knownBad = ledger.knownBad.filter((one) => !sameBuild(one.sha, sha));
  // An image that did not change since is in both builds: it is not what is bad.
  const good = [...images, ...(lastMoveOf(ledger, sha)?.images ?? [])].map(({ digest }) => digest);
  for (const bad of badAfter(state, sha)) {
    if (markOf(ledger, bad)) continue;
    const digests = digestsOf(ledger, bad).filter((digest) => !good.includes(digest));
    ledger.knownBad.push({ sha: bad as typeof sha, digests, ...mark });
  }
  ledger.knownBad = newest(ledger.knownBad, MAX_BUILDS, KNOWN_BAD_BYTES);
}

/** Why a rollback without a person may no longer begin: it must not take back a build that no one found red. */
function whyNotOnlyFrom({ ledger, move, rollback }: LaneState, { onlyFrom }: RollbackRequest): string | null {
  if (onlyFrom === undefined) return null;
  // A person's rollback that has not begun to move, and a hold since the policy has looked, are a person's to go on with.
  if (rollback) return `a rollback to ${rollback.sha} is under way`;
  if (ledger.hold) return onHold(ledger.hold);
  return whyNotLive(ledger, onlyFrom) ?? (move ? 'another move is under way' : null);
}

const onHold = ({ name, why }: LaneHold) => `the lane is on hold for ${name}: ${why}`;

const cameAfter = ({ kind, sha }: LedgerEntry) =>
  `${kind === 'adopted' ? 'an adoption of' : `a ${kind} to`} ${sha ?? 'an unknown build'} came after it`;

/** Automatic rollbacks in a row after which a person must look. */
const MAX_IN_ROW = 2;

/** Target of an automatic rollback from a build that was moved at `movedAt` (ISO 8601), or why a person must decide. */
export function chooseAutoRollback(
  { ledger, move }: LaneState,
  { sha, movedAt }: { sha: Sha; movedAt: string },
): { target: Sha } | { ask: string } {
  const newer = supersededBy(ledger, sha, movedAt);
  if (newer) return { ask: cameAfter(newer) };
  const live = lastMove(ledger);
  if (!live?.sha || !sameBuild(live.sha, sha)) return { ask: `the ledger does not have ${sha} as the live build` };
  if (live.kind !== 'promotion') return { ask: `${sha} came back by a rollback, so the build may not be the cause` };
  if (Date.parse(live.at) !== Date.parse(movedAt)) return { ask: 'a person started this watch, not the promotion' };
  if (automaticInRow(ledger, live) >= MAX_IN_ROW)
    return { ask: `${MAX_IN_ROW} automatic rollbacks in a row, and no build in between stayed` };
  if (ledger.hold) return { ask: onHold(ledger.hold) };
  if (move) return { ask: 'another move is under way' };
  const target = liveBefore(ledger, live);
  return target === null ? { ask: 'the ledger has no good build before it' } : { target };
}

/**
 * Images of the move that the control plane may take to production: the newest one of the ledger, to that build, at `movedAt` (ISO 8601).
 * `no`: why it is not that move; `later`: why that is not known yet.
 */
export function moveToDeliver(
  { ledger, move, rollback }: LaneState,
  { sha, movedAt }: { sha: Sha; movedAt: string },
): { images: RecordedImage[] } | { no: string } | { later: string } {
  const newer = supersededBy(ledger, sha, movedAt);
  if (newer) return { no: cameAfter(newer) };
  const live = lastMove(ledger);
  if (!live?.sha || !sameBuild(live.sha, sha)) return { no: `the newest move of the ledger is not to ${sha}` };
  if (Date.parse(movedAt) !== Date.parse(live.at)) return { no: 'a person started this watch, not the move' };
  if (move || (rollback && !sameBuild(rollback.sha, sha))) return { later: 'another move is under way' };
  return { images: live.images };
}

/** Automatic rollbacks before an entry, back to a promoted build that stayed, a person's rollback or an adoption. */
function automaticInRow(ledger: Ledger, live: LedgerEntry): number {
  const before = ledger.history.slice(0, ledger.history.indexOf(live)).toReversed();
  const isOne = ({ kind, by }: LedgerEntry) => kind === 'rollback' && by === AUTO_ROLLBACK;
  const end = before.findIndex(
    (one) => !isOne(one) && !(one.kind === 'promotion' && one.sha !== null && markOf(ledger, one.sha)),
  );
  return before.slice(0, end < 0 ? undefined : end).filter(isOne).length;
}

/** Builds after the target whose images may name a rollback floor. */
const MAX_SINCE = 10;

/** What the ledger knows for the rollback floor of a target: the images of the builds after it, newest first, and whether it is not older than another build. */
export function floorEvidence(ledger: Ledger, target: Sha) {
  const first = ledger.history.findIndex(({ sha }) => sha !== null && sameBuild(sha, target));
  const later = ledger.history.slice(first + 1);
  const since = later.toReversed().slice(0, MAX_SINCE);
  const floorsOf = (entries: LedgerEntry[]) =>
    entries.flatMap(({ images }) => images.flatMap(({ floor }) => floor ?? []));
  const own = floorsOf(ledger.history.filter(({ sha }) => sha !== null && sameBuild(sha, target)));
  const isAtLeast = (floor: string): boolean | null => {
    const [own, other] = [target, floor].map((sha) => ledger.firstPromoted[shortSha(sha)]);
    if (own !== undefined && other !== undefined) return own >= other;
    const [key, floorKey] = [target, floor].map((sha) => ledger.order[shortSha(sha)]);
    return key && floorKey ? !isOlder(key, floorKey) : null;
  };
  // A label stays in later builds; what a release names is in its own entry alone.
  const declared = [...new Set(floorsOf(later))].filter((floor) => !own.includes(floor));
  return { since: since.flatMap(({ images }) => images), declared, isAtLeast };
}

/** Whether it is the rollback that was announced last, which a person has forced since. */
export const isForcedSince = (
  { rollback }: LaneState,
  { runId, force }: Pick<RollbackRequest, 'runId' | 'force'>,
): boolean => force && rollback?.runId === runId && !rollback.force;

function refusalOf({ ledger }: LaneState, { sha, images = [] }: RollbackRequest): string | null {
  const targets = images.map(({ digest }) => digest);
  const bad = whyKnownBad(ledger, sha) ?? whySameContent(ledger, targets);
  if (bad !== null) return `${sha} was ${bad}`;
  // One that was moved to by a forced rollback was live here, and counts as good since.
  const wasLive = ledger.firstPromoted[shortSha(sha)] !== undefined || lastMoveOf(ledger, sha) !== undefined;
  return wasLive ? null : `${sha} was never promoted here`;
}

/** Digests that the newest move of a build left at `:latest`; null if the history has none. */
export const digestsOfMove = ({ ledger }: LaneState, sha: Sha): RecordedImage[] | null =>
  lastMoveOf(ledger, sha)?.images ?? null;

function revoked({ holder, ledger }: LaneState, why: string): Revocation {
  const bad = holder && markOf(ledger, holder.sha);
  return bad ? { revoked: describeMark(bad), knownBad: true } : { revoked: why };
}

/** Builds that came after the target, up to the live one, and the build that is being moved. */
function badAfter({ ledger, move }: Pick<LaneState, 'ledger' | 'move'>, target: string): string[] {
  const { history, firstPromoted } = ledger;
  const first = firstPromoted[shortSha(target)];
  const after = Object.entries(firstPromoted)
    .filter(([, nth]) => first !== undefined && nth > first)
    // Sorted by number: a record lists a sha of only digits first.
    .sort(([, a], [, b]) => a - b)
    .map(([sha]) => lastMoveOf(ledger, sha)?.sha ?? sha);
  const firstAt = (sha: string) => history.findIndex((one) => sameBuild(one.sha ?? '', sha));
  // A build that only a forced rollback moved to has no number. If the entry of the target is forgotten, all of the history came later.
  const unnumbered = history.filter(isNamed).filter(({ sha }) => firstPromoted[shortSha(sha)] === undefined);
  if (first !== undefined)
    after.push(...unnumbered.filter(({ sha }) => firstAt(sha) > firstAt(target)).map(({ sha }) => sha));
  const live = history.at(-1);
  // With a target that was never promoted, only the live build is known to be rolled back from. One that a promotion put there is, whenever it was
  // first promoted: a person may have promoted an older build by hand.
  if (live?.sha && !sameBuild(live.sha, target) && (first === undefined || live.kind === 'promotion'))
    after.push(live.sha);
  if (move?.kind === 'promotion' && !sameBuild(move.sha, target)) after.push(move.sha);
  return [...new Set(after)];
}

/** Digests that a build brought: a rollback to it may have been to older ones, so it counts if nothing else put the build there. */
function digestsOf(ledger: Ledger, sha: string): Digest[] {
  const own = ledger.history.findLast((one) => one.kind !== 'rollback' && sameBuild(one.sha ?? '', sha));
  const entry = own ?? lastMoveOf(ledger, sha);
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
