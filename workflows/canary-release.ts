import { sleep } from '@temporalio/workflow';
import { checksWith, verdictOf } from '../src/domain/check.js';
import { formatDuration } from '../src/domain/duration.js';
import type { MovedImage } from '../src/domain/move.js';
import { releaseId } from '../src/domain/names.js';
import {
  type PinnedImage,
  type Plan,
  parseReleaseInput,
  type ReleaseInput,
  type ReleaseReport,
  type ReleaseStatus,
} from '../src/domain/release.js';
import { type Sha, sameBuild } from '../src/domain/sha.js';
import { polls, reads, smokes } from './activity-options.js';
import { beginRun, endRun, enter, readInput, stop } from './run-state.js';
import { moveLatest } from './start-move.js';

/** Takes one build from `:staging-<sha>` to `:latest`, or says why not. */
export async function CanaryRelease(typed: unknown): Promise<ReleaseReport> {
  const input = readInput(() => parseReleaseInput(typed), releaseId);
  const state = beginRun(input);
  const report = reporter(input, state);

  return endRun(state, report, async () => {
    enter(state, 'resolving', 'reading the plan, and the digest of each image');
    const plan = await reads().loadPlan(input);
    if (plan.tenants.length === 0)
      return report('skipped', 'no canary fleet is configured: nothing was tested, nothing moved');
    const pinned = await reads().resolveBuild(input.sha, plan.images);
    state.images = pinned;

    enter(state, 'awaiting-canary', `every tenant has to report ${input.sha}`);
    await awaitCanary(input.sha, plan, state);

    enter(state, 'soaking', `for ${formatDuration(plan.soakMs)}`);
    if (plan.soakMs > 0) await sleep(plan.soakMs, { summary: `soak ${input.sha}` });

    enter(state, 'smoking', `${plan.tenants.length} tenants`);
    await smokeFleet(plan, state);
    await requireUnchanged(input.sha, plan, pinned, state);

    enter(state, 'promoting', ':latest of all images, together');
    state.images = await promote(input, pinned);
    return report('promoted', promotedBy(state.images));
  });
}

async function awaitCanary(sha: Sha, plan: Plan, state: ReleaseStatus): Promise<void> {
  const fleet = await polls(plan).awaitBuild(sha, plan, Date.now() + plan.updateTimeoutMs);
  state.builds = fleet.builds;
  if (!fleet.all)
    throw stop(
      'CanaryHoldExpired',
      `canary-not-updated after ${formatDuration(plan.updateTimeoutMs)}: ${others(sha, state)}`,
    );
}

async function smokeFleet(plan: Plan, state: ReleaseStatus): Promise<void> {
  const smoke = smokes().smokeTenant;
  state.tenants = await Promise.all(
    plan.tenants.map((tenant) => smoke.executeWithOptions({ summary: `smoke ${tenant.name}` }, [tenant])),
  );
  const verdict = verdictOf(state.tenants);
  if (verdict === 'fail') throw stop('CanaryRejected', `RED: ${checksWith('fail', state.tenants).join(', ')}`);
  if (verdict === 'could-not-test')
    throw stop('CanaryHoldExpired', `could-not-test: ${checksWith('could-not-test', state.tenants).join(', ')}`);
}

/** What was smoked has to be what was pinned: a tag pushed again, or a tenant gone on, proves nothing about this build. */
async function requireUnchanged(sha: Sha, plan: Plan, pinned: PinnedImage[], state: ReleaseStatus): Promise<void> {
  const tags = await reads().readBuildTags(sha, plan.images);
  const moved = pinned.filter((image, index) => tags[index] !== image.digest);
  if (moved.length > 0)
    throw stop(
      'CanaryHoldExpired',
      `build-repushed: the tag of ${moved.map((image) => image.repository).join(', ')} moved during the run`,
    );
  const fleet = await reads().readBuilds(sha, plan);
  state.builds = fleet.builds;
  if (!fleet.all) throw stop('CanaryHoldExpired', `canary-left: ${others(sha, state)}`);
}

function promote(input: ReleaseInput, pinned: PinnedImage[]): Promise<MovedImage[]> {
  return moveLatest({
    kind: 'promotion',
    sha: input.sha,
    images: pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest })),
    by: input.requestedBy ?? 'unknown',
    reason: 'every check passed on every canary tenant',
  });
}

function others(sha: Sha, state: ReleaseStatus): string {
  const away = state.builds.filter(({ build }) => build === null || !sameBuild(build, sha));
  return away.map(({ tenant, build, why }) => `${tenant} reports ${build ?? `no build (${why})`}`).join(', ');
}

function promotedBy(images: (PinnedImage | MovedImage)[]): string {
  const already = images.every((image) => 'result' in image && image.result === 'already');
  return already ? ':latest of every image was there already' : ':latest of every image is on the tested digests';
}

function reporter(input: ReleaseInput, state: ReleaseStatus) {
  return (outcome: ReleaseReport['outcome'], why: string): ReleaseReport => {
    const { images, tenants } = state;
    return { ...input, outcome, why, images, tenants };
  };
}
