import { laneWaits } from '../shared/activity-options.js';
import { finish, setPhase } from '../shared/run.js';
import { NO_PLAN, type Phase } from './context.js';
import { applyRevocation, endOf } from './lane.js';
import { stopWatch } from './watch.js';

/** Waits until the release holds the lane: one build at a time uses the canary fleet. Results from an earlier fencing token are dropped. */
export const queued: Phase<'resolving' | 'done'> = async (release) => {
  stopWatch(release);
  delete release.state.watched;
  setPhase(release, 'queued', 'waits for the lane: one build at a time uses the canary fleet');
  Object.assign(release, {
    fencingToken: null,
    alreadyLive: null,
    plan: NO_PLAN,
    pinned: [],
    timesInterrupted: 0,
    untested: null,
    greenAt: 0,
    notTested: [],
    unreported: [],
    startedOverAt: new Date().toISOString(),
    rejected: null,
    approved: [],
    accepted: false,
    retriesLatest: false,
    moveTimedOut: false,
  } satisfies Partial<typeof release>);
  const result = await laneWaits('wait for the lane').waitForLane(release.request);
  if ('rejected' in result) release.rejected = result.rejected ?? null;
  if ('invalid' in result) return finish(release, { outcome: 'ConfigInvalid', why: result.invalid });
  if ('superseded' in result || 'revoked' in result) return finish(release, endOf(result));
  if ('knownBad' in result) return finish(release, { outcome: 'CanaryBuildBad', why: result.knownBad });
  if ('alreadyLive' in result) release.alreadyLive = result.alreadyLive;
  else {
    release.fencingToken = result.fencingToken;
    applyRevocation(release);
  }
  return 'resolving';
};
