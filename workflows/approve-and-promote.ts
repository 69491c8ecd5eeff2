import { isCancellation } from '@temporalio/workflow';
import type { HoldName } from '../src/contract/hold.js';
import { areMoved, type MovedImage, type MoveInput, refusedMove } from '../src/contract/move.js';
import type { PinnedImage } from '../src/contract/release.js';
import { foreignRevisions } from '../src/domain/one-build.js';
import { isAdopted } from '../src/lane/ledger.js';
import type { Release } from './release/context.js';
import { HELD_FAULTS, retryOnceAfterTimeout } from './resolve.js';
import { holdFor, pausedFor } from './shared/decisions.js';
import { setPhase, unwrapFailure } from './shared/run.js';
import { moveLatest } from './shared/start-move.js';
import { smokeAndConfirm, testBuild } from './test-build.js';
import { confirmHolder } from './turn.js';

/** Holds whose approval is the word to promote. */
const PROMOTING: (HoldName | undefined)[] = ['approval', 'after-rollback', 'latest-moved'];
/** A verdict older than this is smoked again before it counts, in milliseconds (protocol §2). */
const FRESH_MS = 60 * 60_000;

/** Waits for a human where one has to say yes. `promoteOnly` is its own approval. */
export async function approve(release: Release): Promise<void> {
  const { input } = release;
  release.accepted = input.promoteOnly === true;
  const approved = await withLane(release);
  if (approved || input.promoteOnly) return;
  const doubts = doubtsOf(release);
  if (doubts.length > 0) await holdFor(release, 'approval', doubts.join('; '));
}

/** Waits for the end of a pause; and for a human where the lane is on hold, who then has said yes to everything. */
async function withLane(release: Release): Promise<boolean> {
  for (;;) {
    const { pause, hold } = await confirmHolder(release);
    if (pause) {
      await pausedFor(release, pause);
      continue;
    }
    if (!hold || release.input.promoteOnly) return false;
    const doubts = [hold.why, ...doubtsOf(release)].join('; ');
    const { verb } = await holdFor(release, hold.name === 'after-rollback' ? 'after-rollback' : 'latest-moved', doubts);
    if (verb !== 'approve') continue;
    release.accepted = true;
    return true;
  }
}

/** What only a human can say yes to. */
function doubtsOf({ input, plan, pinned, notTested }: Release): string[] {
  return [
    ...(plan.approval === 'required' ? ['approval is required'] : []),
    ...notTested,
    ...foreignRevisions(input, pinned),
    ...pinned
      .filter(({ latest }) => latest === null)
      .map(({ repository }) => `${repository} has no :latest yet, so nothing can be put back`),
  ];
}

/** Time spent in holds ages a verdict; one that is too old, or was about what the fleet ran before, counts for nothing. */
async function requireFresh(release: Release): Promise<void> {
  while (release.greenAt > 0 && Date.now() - release.greenAt > FRESH_MS) {
    const known = doubtsOf(release);
    const asApproved = await smokeAndConfirm(release);
    if (!asApproved) await testBuild(release);
    // Started over: what was approved before is not what stands here now, other digests perhaps.
    const doubts = doubtsOf(release).filter((doubt) => !(asApproved && known.includes(doubt)));
    if (doubts.length > 0) await holdFor(release, 'approval', doubts.join('; '));
  }
}

/** Has `:latest` moved. What moved it before, or a registry that is down, is a human's to decide, and only while nothing of ours moved. */
export async function promote(release: Release): Promise<MovedImage[]> {
  const { state } = release;
  // All of it anew after an outage, for that ages the verdict too.
  const move = async () => {
    await requireFresh(release);
    setPhase(state, 'promoting', ':latest of all images, together');
    return moveLatest(order(release), (moving) => {
      state.moving = moving;
    });
  };
  let retried = false;
  for (;;) {
    try {
      return await retryOnceAfterTimeout(move);
    } catch (error) {
      state.moving = false;
      if (isCancellation(error)) throw error;
      const fault = unwrapFailure(error);
      // A run that was reset has not the turn any more that stands in its history, nor what it learned in it.
      const standing = fault.type === 'MoveRefused' ? await confirmHolder(release) : null;
      // Since it was last asked: an approval may have taken days.
      const refused = refusedMove(fault.details?.[0]);
      if (standing && refused?.refusal === 'paused') {
        if (standing.pause) await pausedFor(release, standing.pause);
        continue;
      }
      const found = fault.details?.[0];
      if (refused?.latest) {
        const latestMoved = refused.latest.map(({ digest }) => digest);
        if (!(retried && isAdopted(release.pinned, latestMoved, standing?.expectedLatest))) {
          const { verb } = await holdFor(release, 'latest-moved', fault.message);
          retried = verb === 'retry';
          if (verb !== 'approve') continue;
          release.accepted = true;
        }
        movesFrom(release, latestMoved);
      } else if (fault.type === 'MoveFailed' && areMoved(found) && found.every(({ result }) => result === 'restored'))
        await holdFor(release, 'registry-down', fault.message);
      else {
        // Of a kind that leaves everything where it was.
        const hold = HELD_FAULTS[fault.type ?? ''];
        if (hold === undefined) throw error;
        await holdFor(release, hold, fault.message);
      }
    }
  }
}

/** From now on `:latest` is to be moved from where it was found. */
function movesFrom(release: Release, found: PinnedImage['latest'][]): void {
  release.pinned = release.pinned.map((image, index) => ({ ...image, latest: found[index] ?? null }));
}

function order({ input, pinned, state, accepted }: Release): MoveInput {
  // An approval of a hold on the way there is none of the promotion.
  const said = state.decisions.findLast(({ verb, holdName }) => verb === 'approve' && PROMOTING.includes(holdName));
  const word = input.promoteOnly ? { by: input.requestedBy, reason: input.reason } : said;
  return {
    kind: 'promotion',
    sha: input.sha,
    images: pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest })),
    by: word?.by ?? input.requestedBy ?? 'unknown',
    reason: word?.reason ?? 'every check passed on every canary tenant',
    ...(accepted && { accepted }),
  };
}

export function promotedBy(images: (PinnedImage | MovedImage)[], notTested: string[]): string {
  const already = images.every((image) => 'result' in image && image.result === 'already');
  const where = already
    ? ':latest of every image was there already'
    : ':latest of every image is on the tested digests';
  return notTested.length === 0 ? where : `:latest of every image is on this build, ${notTested.join('; ')}`;
}
