import { sleep } from '@temporalio/workflow';
import { checksWith, type TenantSmoke } from '../src/contract/check.js';
import type { TenantBuild } from '../src/contract/release.js';
import { sameBuild, shortSha } from '../src/contract/sha.js';
import { formatDuration } from '../src/domain/duration.js';
import { awaitCanary, describeOthers, handleTenantBuilds } from './await-canary.js';
import type { Release } from './release/context.js';
import { holdOnFault, pinDigests } from './resolve.js';
import { registryReads, watches } from './shared/activity-options.js';
import { holdFor } from './shared/decisions.js';
import { firstOf } from './shared/race.js';
import { failure, setPhase } from './shared/run.js';
import { smoke } from './smoke-fleet.js';
import { confirmHolder, lose, reportHold } from './turn.js';

/** How often a tenant may leave the build in mid-soak before a human is asked. */
const LEAVES = 3;
/** Waits for the canaries, soaks and smokes; ends when what was smoked is what was pinned, on every tenant. */
export async function testBuild(release: Release): Promise<void> {
  handleTenantBuilds(release);
  for (;;) {
    release.notTested.length = 0;
    await awaitCanary(release);
    await soak(release);
    await confirmHolder(release);
    if (await smokeAndConfirm(release)) return;
  }
}

/** Smokes, and makes sure that what was smoked is what was pinned. False after somebody said to start over. */
export async function smokeAndConfirm(release: Release): Promise<boolean> {
  await smoke(release);
  if (await isRepushed(release)) {
    await holdFor(release, 'build-repushed', 'the tag of an image moved while the build was tested');
    await pinDigests(release);
    return false;
  }
  if (!(await isLeft(release))) return true;
  await holdFor(release, 'canary-left', `after the smoke ${describeOthers(release)}`);
  return false;
}

async function soak(release: Release): Promise<void> {
  const { plan, state } = release;
  for (let leaves = 0; plan.soakMs > 0; ) {
    const end = await holdOnFault(release, () => soakOnce(release));
    if (end === 'soaked') return;
    if ('red' in end) {
      state.tenants = end.red;
      throw failure('CanaryRejected', `RED while it soaked, twice in a row: ${checksWith('fail', end.red).join(', ')}`);
    }
    state.builds = end.left;
    await giveWayToWaiting(release);
    leaves += 1;
    if (leaves > LEAVES) {
      await holdFor(release, 'canary-left', `${leaves} times while it soaked; now ${describeOthers(release)}`);
      leaves = 0;
    }
    await awaitCanary(release);
  }
}

/** The fleet moved on to a build that waits for its turn: nothing can be learned about this one any more. */
async function giveWayToWaiting(release: Release): Promise<void> {
  const { newer } = await confirmHolder(release);
  const taken = release.state.builds.some(({ build }) => newer !== null && build !== null && sameBuild(build, newer));
  if (newer === null || !taken) return;
  const lost = lose(release, { superseded: `${newer}: the canaries moved on to it while this one soaked` });
  await reportHold({ hold: 'canary-left', preemptibleAt: Date.now() });
  throw lost;
}

type SoakEnd = 'soaked' | { left: TenantBuild[] } | { red: TenantSmoke[] };

/** A durable timer beside one activity that watches; whichever ends first ends the other. */
function soakOnce({ input, plan, state }: Release): Promise<SoakEnd> {
  setPhase(state, 'soaking', `for ${formatDuration(plan.soakMs)}`, plan.soakMs);
  return firstOf<SoakEnd>(() => [
    sleep(plan.soakMs, { summary: `soak ${shortSha(input.sha)}` }).then(() => 'soaked'),
    ...(plan.soakProbeMs > 0 ? [watches(plan, 'watch the tenants while it soaks').watchSoak(input.sha, plan)] : []),
  ]);
}

/** What was smoked has to be what was pinned. */
async function isRepushed(release: Release): Promise<boolean> {
  const { input, plan, pinned } = release;
  const tags = await holdOnFault(release, () =>
    registryReads(plan, 'is the tag where it was?').readBuildTags(input.sha, plan.images),
  );
  return pinned.some((image, index) => tags[index] !== image.digest);
}

/** A tenant that went on meanwhile proves nothing about the build that left. One that never said is known already. */
async function isLeft(release: Release): Promise<boolean> {
  const { input, plan, state } = release;
  const fleet = await holdOnFault(release, () =>
    registryReads(plan, 'is the build still on every tenant?').readBuilds(input.sha, plan),
  );
  state.builds = fleet.builds;
  const unconfirmed = release.notTested.some((line) => line.startsWith('unconfirmed'));
  return fleet.builds.some(({ build }) => (build === null ? !unconfirmed : !sameBuild(build, input.sha)));
}
