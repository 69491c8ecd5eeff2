import { sleep } from '@temporalio/workflow';
import type { TenantBuild } from '../../src/contract/release.js';
import { sameBuild, shortSha } from '../../src/contract/sha.js';
import { checksWith, type TenantSmoke } from '../../src/contract/tenants/check.js';
import { formatDuration } from '../../src/domain/duration.js';
import { watches } from '../shared/activity-options.js';
import { firstOf } from '../shared/race.js';
import { finish, setPhase } from '../shared/run.js';
import { describeOthers } from './awaiting-canary.js';
import type { Phase, Release } from './context.js';
import { holdFor, holdOnFault } from './hold.js';
import { confirmHolder, endOf, reportHold } from './lane.js';

/** Times that a tenant may leave the build during the soak before the release is held. */
const MAX_TIMES_LEFT = 3;

/** Lets the build run for the soak time, watched: if a tenant leaves it, the wait starts over; a check that fails twice in a row is RED. */
export const soaking: Phase = async (release) => {
  const { plan, state } = release;
  if (plan.soakMs === 0) return 'smoking';
  const end = await holdOnFault(release, () => soakOnce(release));
  if (end === 'soaked') return 'smoking';
  if ('red' in end) {
    state.tenants = end.red;
    const failed = checksWith('fail', end.red).join(', ');
    return finish(release, { outcome: 'CanaryRejected', why: `RED during the soak, twice in a row: ${failed}` });
  }
  state.builds = end.builds;
  const next = await yieldToNewerBuild(release);
  if (next !== null) return next;
  release.timesLeft += 1;
  if (release.timesLeft > MAX_TIMES_LEFT) {
    await holdFor(release, 'canary-left', `${release.timesLeft} times during the soak; now ${describeOthers(release)}`);
    release.timesLeft = 0;
  }
  return 'awaiting-canary';
};

type SoakEnd = 'soaked' | { builds: TenantBuild[] } | { red: TenantSmoke[] };

/** Races a durable timer against one activity that watches; the first to end cancels the other. */
function soakOnce(release: Release): Promise<SoakEnd> {
  const { input, plan } = release;
  setPhase(release, 'soaking', `for ${formatDuration(plan.soakMs)}`, plan.soakMs);
  return firstOf<SoakEnd>(() => [
    sleep(plan.soakMs, { summary: `soak ${shortSha(input.sha)}` }).then(() => 'soaked'),
    ...(plan.soakProbeMs > 0 ? [watches(plan, 'watch the tenants during the soak').watchSoak(input.sha, plan)] : []),
  ]);
}

/** Ends the release if the fleet took a newer build that waits for the lane: no tenant can test this one any more. */
async function yieldToNewerBuild(release: Release): Promise<'queued' | 'done' | null> {
  const confirmed = await confirmHolder(release);
  if ('next' in confirmed) return confirmed.next;
  const { newer } = confirmed.status;
  const isTaken = release.state.builds.some(({ build }) => newer !== null && build !== null && sameBuild(build, newer));
  if (newer === null || !isTaken) return null;
  // Decided before the lane hears of it: its revocation, which may come at once, does not name the reason.
  const done = finish(release, endOf({ superseded: `${newer}: the canaries moved on to it while this one soaked` }));
  await reportHold({ hold: 'canary-left', preemptibleAt: Date.now() });
  return done;
}
