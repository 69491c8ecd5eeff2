import { isCancellation, log } from '@temporalio/workflow';
import { rollbackId } from '../src/contract/ids.js';
import type { Tag } from '../src/contract/image.js';
import type { MoveInput } from '../src/contract/move.js';
import type { PinnedImage, RollbackReport } from '../src/contract/release.js';
import { type Sha, shortSha } from '../src/contract/sha.js';
import { parseRollbackInput } from '../src/domain/inputs.js';
import { foreignRevisions, pushedAgain } from '../src/domain/one-build.js';
import { LEASE_MS } from '../src/lane/moves.js';
import { retryOnceAfterTimeout } from './resolve.js';
import { laneCalls, reads, tagWrites } from './shared/activity-options.js';
import { endRun } from './shared/end-run.js';
import { beginRun, failure, readInput, setPhase, timesOf, unwrapFailure } from './shared/run.js';
import { moveLatest } from './shared/start-move.js';

/** Moves `:latest` of all images back to a build that is whole in each of them. */
export async function Rollback(typed: unknown): Promise<RollbackReport> {
  const input = readInput(() => parseRollbackInput(typed), rollbackId);
  const state = beginRun(input);
  const report = (outcome: RollbackReport['outcome'], why: string): RollbackReport => ({
    ...input,
    outcome,
    why,
    images: state.images,
    ...timesOf(state),
  });

  return endRun(state, report, async () => {
    setPhase(state, 'resolving', 'the build, and every manifest it is made of, has to be in every image');
    const short = shortSha(input.sha);
    const [{ images, tag }, known] = await Promise.all([
      retryOnceAfterTimeout(() => reads('read the plan').loadPlan({ sha: input.sha })),
      laneCalls(`where was ${short} put?`).knownBuild(input.sha),
    ]);
    const [pinned, tags] = await retryOnceAfterTimeout(() =>
      Promise.all([
        reads(`is ${short} whole in every image?`).resolveBuild(input.sha, images, known ?? []),
        reads(`is the tag of ${short} where it was?`).readBuildTags(input.sha, images),
      ]),
    );
    state.images = pinned;
    const strange = [...foreignRevisions(input, pinned), ...pushedAgain(pinned, tags)];
    if (strange.length > 0 && !input.force)
      throw failure('MoveRefused', strange.join('; '), { refusal: 'needs-force' });

    const by = input.requestedBy ?? 'unknown';
    const leaseMs = await announce({ sha: input.sha, force: input.force === true, by, reason: input.reason });
    setPhase(state, 'promoting', `:latest of all images back to ${input.sha}`);
    const order: MoveInput = {
      kind: 'rollback',
      sha: input.sha,
      images: pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest })),
      by,
      reason: input.reason,
      ...(leaseMs === null && { laneUnheard: true }),
    };
    const moved = await retryOnceAfterTimeout(() => moveLatest(order, undefined, leaseMs ?? LEASE_MS));
    state.images = moved;
    if (tag !== undefined) await pointBack(tag, pinned);
    const stood = moved.every(({ previous, digest }) => previous === digest);
    return stood
      ? report('already', `:latest of every image stood on ${input.sha} before`)
      : report('rolled-back', `:latest of every image is back on ${input.sha}`);
  });
}

/** The canary tenants go back too, where they follow a tag of ours; unless a release has them by now. */
async function pointBack(tag: Tag, images: PinnedImage[]): Promise<void> {
  try {
    await tagWrites(tag, '1m').pointTag(tag, images);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the canary tag was not pointed back', { tag, why: unwrapFailure(error).message });
  }
}

/** From now on nothing else moves; gives for how long something may still be on its way. A lane that says nothing for so long stops a rollback, unless it is forced: null (protocol §3). */
async function announce(said: { sha: Sha; force: boolean; by: string; reason: string }): Promise<number | null> {
  try {
    return await laneCalls('announce the rollback to the lane', said.force ? '60s' : '15m').announceRollback(said);
  } catch (error) {
    if (isCancellation(error) || !said.force || unwrapFailure(error).type === 'MoveRefused') throw error;
    log.warn('the lane did not hear of a forced rollback, which goes on', {
      sha: said.sha,
      why: unwrapFailure(error).message,
    });
    return null;
  }
}
