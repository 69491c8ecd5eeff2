import { fleetSeenSignal } from '../../src/contract/messages.js';
import { sameBuild, shortSha } from '../../src/contract/sha.js';
import type { TenantBuild } from '../../src/contract/tenants/build.js';
import { formatDuration } from '../../src/domain/duration.js';
import { describeInterruption } from '../../src/domain/fleet-watch.js';
import { parseFleetSeen } from '../../src/domain/payloads/seen.js';
import { polls, tagWrites } from '../shared/activity-options.js';
import { onSignal } from '../shared/handlers.js';
import { setPhase, updateDetails } from '../shared/run.js';
import type { Phase, Release } from './context.js';
import { holdFor, holdOnFault } from './hold.js';
import { confirmHolder } from './lane.js';
import { endInterruptions, noteOpen } from './watched.js';

/** Waits until every canary tenant reports the build; at the deadline a person decides. */
export const awaitingCanary: Phase<'soaking' | 'awaiting-canary' | 'queued' | 'done'> = async (release) => {
  const { input, plan, state } = release;
  const next = await pointCanaryTag(release);
  if (next !== null) return next;
  setPhase(release, 'awaiting-canary', describeWait(release), plan.updateTimeoutMs);
  const summary = `wait for ${shortSha(input.sha)} on ${plan.tenants.length} tenants`;
  const fleet = await holdOnFault(release, () =>
    polls(plan, summary).awaitBuild(input.sha, plan, Date.now() + plan.updateTimeoutMs),
  );
  state.builds = fleet.builds;
  if (fleet.all) {
    endInterruptions(release);
    return 'soaking';
  }
  if (state.builds.some(({ build }) => build !== null && !sameBuild(build, input.sha))) {
    const late = `after ${formatDuration(plan.updateTimeoutMs)} ${describeOthers(release)}`;
    await holdFor(release, 'canary-not-updated', late);
    return 'awaiting-canary';
  }
  // The text is kept as the person saw it: a later probe may differ.
  const unreported = describeOthers(release);
  const others = state.builds.filter(({ build }) => build === null);
  const { verb } = await holdFor(release, 'build-unreported', unreported);
  if (verb !== 'approve') return 'awaiting-canary';
  release.unreported = others.map(({ tenant }) => tenant);
  noteOpen(
    release,
    'unconfirmed',
    others.map((one) => ({ about: one.tenant, text: `unconfirmed: ${describeOther(one)}` })),
  );
  return 'soaking';
};

function describeWait({ input, state }: Release): string {
  const open = (state.interruptions ?? []).filter(({ to }) => to === null).map(describeInterruption);
  return [`every tenant must report ${input.sha}`, ...open].join('; ');
}

/** Points `CANARY_TAG` of every image at the build, for tenants that follow it. Only the holder of the lane may.
 * @returns the next phase if it no longer holds the lane, else null. */
async function pointCanaryTag(release: Release): Promise<'queued' | 'done' | null> {
  const { plan, pinned, input } = release;
  const { tag } = plan;
  if (tag === undefined) return null;
  return holdOnFault(release, async () => {
    setPhase(release, 'awaiting-canary', `pointing :${tag} of every image at ${input.sha}`);
    const confirmed = await confirmHolder(release);
    if ('next' in confirmed) return confirmed.next;
    await tagWrites(tag).pointTag(tag, pinned);
    return null;
  });
}

/** Describes the tenants that are not on the build: `canary-1 reports 9e82b1d, canary-2 reports no build (502)`. */
export function describeOthers({ input, state }: Release): string {
  const others = state.builds.filter(({ build }) => build === null || !sameBuild(build, input.sha));
  return others.map(describeOther).join(', ');
}

const describeOther = ({ tenant, build, why }: TenantBuild) => `${tenant} reports ${build ?? `no build (${why})`}`;

/** Handles the signal of the activity that probes the tenants, so that `status` is current. */
export function handleFleetSeen(release: Release): void {
  const { state } = release;
  const parse = (sent: unknown) =>
    parseFleetSeen(
      sent,
      release.plan.tenants.map(({ name }) => name),
    );
  onSignal(fleetSeenSignal, parse, ({ builds, from }) => {
    if (state.phase === 'done' || state.phase === 'queued') return;
    state.builds = builds;
    // A soak whose watch had a gap ends later than its timer said.
    if (state.phase === 'soaking' && from !== null)
      state.until = new Date(Date.parse(from) + release.plan.soakMs).toISOString();
    updateDetails(state);
  });
}
