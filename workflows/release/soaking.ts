import type { FleetWatchEnd } from '../../src/contract/tenants/fleet-watch.js';
import { formatDuration } from '../../src/domain/duration.js';
import { soakWatches } from '../shared/activity-options.js';
import { setPhase } from '../shared/run.js';
import type { Phase, Release } from './context.js';
import { holdOnFault } from './hold.js';
import { afterWatch, startWatch } from './watch.js';

/** Lets the build run for the soak time, watched without a gap: the watch proves the soak, and goes on until the move. */
export const soaking: Phase<'smoking' | 'resolving' | 'awaiting-canary' | 'queued' | 'done'> = async (release) => {
  if (release.plan.soakMs > 0) {
    const end = await holdOnFault(release, () => soak(release));
    if (!('watched' in end)) return afterWatch(release, end);
    release.state.watched = end.watched;
  }
  startWatch(release);
  return 'smoking';
};

function soak(release: Release): Promise<FleetWatchEnd> {
  const { plan, input, unreported } = release;
  const { soakMs } = plan;
  setPhase(release, 'soaking', `for ${formatDuration(soakMs)}`, soakMs);
  return soakWatches(plan, 'watch the tenants during the soak').watchFleet(input.sha, plan, {
    soakMs,
    unreported,
    stretch: null,
  });
}
