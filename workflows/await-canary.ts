import { setHandler } from '@temporalio/workflow';
import { tenantBuildsSignal } from '../src/contract/messages.js';
import type { TenantBuild } from '../src/contract/release.js';
import { sameBuild, shortSha } from '../src/contract/sha.js';
import { formatDuration } from '../src/domain/duration.js';
import type { Release } from './release/context.js';
import { holdOnFault } from './resolve.js';
import { polls, tagWrites } from './shared/activity-options.js';
import { holdFor } from './shared/decisions.js';
import { setPhase, updateDetails } from './shared/run.js';
import { confirmHolder } from './turn.js';

/** Hears from the run's own activity what the tenants report while it waits. */
export function handleTenantBuilds({ state }: Release): void {
  setHandler(tenantBuildsSignal, (builds) => {
    if (state.phase !== 'awaiting-canary' || !areBuilds(builds)) return;
    state.builds = builds;
    updateDetails(state);
  });
}

/** By hand, for anybody may send that signal. */
function areBuilds(builds: unknown): builds is TenantBuild[] {
  const isText = (value: unknown) => typeof value === 'string' && value.length < 1_000;
  return (
    Array.isArray(builds) &&
    builds.every((one) => {
      const { tenant, build } = Object(one) as Record<string, unknown>;
      return isText(tenant) && (build === null || isText(build));
    })
  );
}

/** Waits until every tenant runs the build; what it cannot wait out is a human's to decide. */
export async function awaitCanary(release: Release): Promise<void> {
  const { input, plan, state } = release;
  for (;;) {
    await pointCanaries(release);
    setPhase(state, 'awaiting-canary', `every tenant has to report ${input.sha}`, plan.updateTimeoutMs);
    const fleet = await holdOnFault(release, () =>
      polls(plan, `wait for ${shortSha(input.sha)} on ${plan.tenants.length} tenants`).awaitBuild(
        input.sha,
        plan,
        Date.now() + plan.updateTimeoutMs,
      ),
    );
    state.builds = fleet.builds;
    if (fleet.all) return;
    const late = `after ${formatDuration(plan.updateTimeoutMs)} ${describeOthers(release)}`;
    if (state.builds.some(({ build }) => build !== null && !sameBuild(build, input.sha))) {
      await holdFor(release, 'canary-not-updated', late);
      continue;
    }
    // As it was shown to whoever decides.
    const unreported = describeOthers(release);
    const { verb } = await holdFor(release, 'build-unreported', unreported);
    if (verb !== 'approve') continue;
    release.notTested.push(`unconfirmed: ${unreported}`);
    return;
  }
}

/** With `CANARY_TAG` the tenants follow a tag that is ours to point, as long as it is our turn. */
async function pointCanaries(release: Release): Promise<void> {
  const { plan, pinned, state, input } = release;
  const { tag } = plan;
  if (tag === undefined) return;
  await holdOnFault(release, async () => {
    setPhase(state, 'awaiting-canary', `pointing :${tag} of every image at ${input.sha}`);
    await confirmHolder(release);
    await tagWrites(tag).pointTag(tag, pinned);
  });
}

/** What the tenants report that are not on the build. */
export function describeOthers({ input, state }: Release): string {
  const away = state.builds.filter(({ build }) => build === null || !sameBuild(build, input.sha));
  return away.map(({ tenant, build, why }) => `${tenant} reports ${build ?? `no build (${why})`}`).join(', ');
}
