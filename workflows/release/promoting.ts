import { isCancellation } from '@temporalio/workflow';
import { holdRow } from '../../src/contract/hold.js';
import type { HolderStatus } from '../../src/contract/lane.js';
import {
  areMoved,
  type MovedImage,
  type MoveInput,
  type RefusedMove,
  refusedMove,
  type TagState,
} from '../../src/contract/move.js';
import type { PinnedImage } from '../../src/contract/release.js';
import { MAX_TEXT } from '../../src/domain/inputs.js';
import { foreignRevisions, keptImages, targetOf, withLatest } from '../../src/domain/one-build.js';
import { isAdopted, openRejection } from '../../src/lane/ledger.js';
import { requesterOf } from '../identity/verify.js';
import { faultOf, unwrapFailure } from '../shared/failures.js';
import { finish, setPhase } from '../shared/run.js';
import { moveLatest } from '../shared/start-move.js';
import type { Phase, Release } from './context.js';
import { holdFor, holdOf, waitWhilePaused } from './hold.js';
import { applyRevocation, confirmHolder } from './lane.js';
import { requireWatched } from './watch.js';
import { noteEndDuringMove } from './watched.js';

/** Maximum age of a verdict, in milliseconds; an older one is smoked again, because a pause or an approval may take days. */
const FRESH_MS = 60 * 60_000;

/** Starts `MoveLatest` for all images together. If it cannot move, a person decides. */
export const promoting: Phase<'promoting' | 'smoking' | 'queued' | 'done'> = async (release) => {
  const { input, state } = release;
  if (release.greenAt > 0 && Date.now() - release.greenAt > FRESH_MS) return 'smoking';
  await requireWatched(release);
  setPhase(release, 'promoting', ':latest of all images, together');
  try {
    const moved = await moveLatest(release, moveInput(release), (moving) => {
      state.moving = moving;
    });
    state.images = moved.map((image) => {
      const change = release.pinned.find(({ repository }) => repository === image.repository)?.change;
      return { ...image, ...(change && { change }) };
    });
  } catch (error) {
    state.moving = false;
    if (isCancellation(error)) throw error;
    return afterFailure(release, error);
  }
  noteEndDuringMove(release);
  release.notTested.push(...foreignRevisions(input, release.pinned));
  const { rejected, notTested } = release;
  const open = [...openRejection(rejected), ...notTested].map(({ text }) => text);
  return finish(release, { outcome: 'promoted', why: describePromotion(state.images, open) });
};

/** Holds the release for a failure that left every image where it was; any other failure ends it. */
async function afterFailure(release: Release, error: unknown): ReturnType<typeof promoting> {
  const failure = unwrapFailure(error);
  const { message } = failure;
  const detail = failure.details?.[0];
  const fault = faultOf(failure);
  const refused = fault === 'MoveRefused' ? refusedMove(detail) : null;
  if (refused) return afterRefusal(release, refused, message, error);
  const isRestored = fault === 'MoveFailed' && areMoved(detail) && detail.every(({ result }) => result === 'restored');
  const hold = isRestored ? 'registry-down' : holdOf(release, fault);
  if (hold === null) throw error;
  // The lane sends a revocation once: one that came during the move ends the release now.
  applyRevocation(release);
  if (fault === 'TimedOut' && !release.moveTimedOut) {
    release.moveTimedOut = true;
    return 'promoting';
  }
  release.moveTimedOut = false;
  await holdFor(release, hold, message);
  return 'promoting';
}

async function afterRefusal(
  release: Release,
  { refusal, latest }: RefusedMove,
  message: string,
  error: unknown,
): ReturnType<typeof promoting> {
  // A release that was reset may no longer hold the lane that its history shows.
  const confirmed = await confirmHolder(release);
  if ('next' in confirmed) return confirmed.next;
  switch (refusal) {
    case 'paused':
      if (confirmed.status.pause) await waitWhilePaused(release, confirmed.status.pause);
      return 'promoting';
    case 'latest-moved':
    case 'lane-held':
      return latest ? decideOnLatest(release, latest, confirmed.status, message) : Promise.reject(error);
    default:
      throw error;
  }
}

/** Holds the release because `:latest` is elsewhere or the lane is on hold: a person approves exactly what is shown, or retries. */
async function decideOnLatest(
  release: Release,
  found: TagState[],
  { expectedLatest }: HolderStatus,
  message: string,
): ReturnType<typeof promoting> {
  if (!(release.retriesLatest && isAdopted(release.pinned, found, expectedLatest))) {
    const { verb } = await holdFor(release, 'latest-moved', message);
    release.retriesLatest = verb === 'retry';
    if (verb !== 'approve') return 'promoting';
    release.accepted = true;
  }
  release.pinned = withLatest(release.pinned, found);
  return 'promoting';
}

function moveInput(release: Release): MoveInput {
  const { input, request, pinned, state, accepted, startedOverAt } = release;
  const requester = requesterOf(release);
  // Only the approval of a hold that promotes counts; approvals of earlier holds do not.
  const approval = state.decisions.findLast(
    ({ verb, holdName, at }) =>
      verb === 'approve' && at > startedOverAt && holdName !== undefined && holdRow(holdName).promotes,
  );
  const author = input.promoteOnly ? { by: requester, reason: input.reason } : approval;
  return {
    kind: 'promotion',
    sha: input.sha,
    images: pinned.map((image) => ({ ...targetOf(image), ...(input.floor && { floor: input.floor }) })),
    by: author?.by ?? requester ?? 'unknown',
    reason: author?.reason ?? describeGreen(release),
    ...(accepted && { accepted }),
    ...(request.manual && { manual: true }),
    ...(input.promoteOnly && input.force && { force: true }),
  };
}

/** Reason of a promotion without a person, for the ledger: it names the tenants that did not test the build. */
const describeGreen = ({ plan: { fleetNotes = [] } }: Release) =>
  ['every check passed on every canary tenant', ...fleetNotes].join('; ').slice(0, MAX_TEXT);

function describePromotion(images: (PinnedImage | MovedImage)[], open: string[]): string {
  const already = images.every((image) => 'result' in image && image.result === 'already');
  const where = already
    ? ':latest of every image was there already'
    : ':latest of every image is on the tested digests';
  const kept = keptImages(images);
  const all = [...open, ...(kept ? [kept] : [])];
  if (open.length === 0) return [where, ...(kept ? [kept] : [])].join('; ');
  return `:latest of every image is on this build, ${all.join('; ')}`;
}
