import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { sameBuild } from '../../src/contract/sha.js';
import type { FleetWatchEnd } from '../../src/contract/tenants/fleet-watch.js';
import { describeInterruption } from '../../src/domain/fleet-watch.js';
import { watches } from '../shared/activity-options.js';
import { finish } from '../shared/run.js';
import { type FleetWatch, isOwnApproval, NO_PLAN, type Phase, type Release } from './context.js';
import { holdFor, leaveHold, reportHold } from './hold.js';
import { confirmHolder } from './lane.js';
import { lostBy, noteInterruptions, noteLostProof, noteRed } from './watched.js';

/** Interruptions after which the release is held. */
const MAX_INTERRUPTIONS = 3;

/** Starts the watch that continues the stretch of the soak, up to the move. `promoteOnly` and a gate without a fleet have none. */
export function startWatch(release: Release): void {
  const { plan, input, unreported, state, scope } = release;
  const watching = new CancellationScope({ cancellable: true, parent: scope });
  const watch: FleetWatch = { stop: () => watching.cancel(), end: null };
  release.watch = watch;
  const input0 = { soakMs: null, unreported, stretch: state.watched ?? null };
  watching
    .run(() => watches(plan, 'watch the tenants until the move').watchFleet(input.sha, plan, input0))
    .then(
      (end) => {
        watch.end = end;
      },
      (error: unknown) => {
        // Without a proof the release soaks again, where the fault of this watch shows itself.
        watch.end = { unwatched: lostBy(error) };
      },
    );
}

/** Stops the watch without its proof. */
export function stopWatch(release: Release): void {
  release.watch?.stop();
  release.watch = null;
}

/** Requires the proof that every tenant has been on the build from the soak until now. Without it the phase is cancelled by `whileWatched`. */
export async function requireWatched(release: Release): Promise<void> {
  const { watch } = release;
  if (watch === null) return;
  watch.stop();
  await condition(() => watch.end !== null);
  if (watch.end === null || !('watched' in watch.end)) return CancellationScope.current().cancelRequested;
  release.state.watched = watch.end.watched;
  // Beside the move, and over the hold of one that fails.
  startWatch(release);
}

/** Runs a phase beside the watch; if the watch ends first, the phase is cancelled. A move that has begun finishes first. */
export const whileWatched =
  (phase: Phase): Phase =>
  async (release) => {
    const scope = new CancellationScope();
    const work = scope.run(() => phase(release));
    const watching = new CancellationScope({ cancellable: true, parent: scope });
    const stopWatching = () => watching.cancel();
    // A condition is evaluated in each task until it is met or cancelled: a phase that is done leaves none.
    work.then(stopWatching, stopWatching);
    // A cancel of the run is the phase's own to handle: a move that has begun finishes.
    const breaks = watching
      .run(() => condition(() => brokenWatch(release) !== null))
      .then(
        () => true,
        () => false,
      );
    const isBroken = await Promise.race([work.then(() => false), breaks]);
    const broken = brokenWatch(release);
    if (!isBroken || broken === null || release.end !== null) return work;
    scope.cancel();
    try {
      await work;
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
    return release.end === null ? afterWatch(release, broken) : 'done';
  };

/** End of the watch that ends the phase; null while the watch goes on, and while a move is under way. */
function brokenWatch({ watch, state }: Release): Exclude<FleetWatchEnd, { watched: unknown }> | null {
  return watch?.end == null || 'watched' in watch.end || state.moving ? null : watch.end;
}

/** Continues after a watch without a proof: RED ends the release; otherwise it starts over. */
export async function afterWatch(
  release: Release,
  end: Exclude<FleetWatchEnd, { watched: unknown }>,
): Promise<'resolving' | 'awaiting-canary' | 'queued' | 'done'> {
  const { state } = release;
  await leaveHold(release);
  if ('red' in end) {
    return finish(release, { outcome: 'CanaryRejected', why: `RED, twice in a row: ${noteRed(release, end.red)}` });
  }
  if ('unwatched' in end) noteLostProof(release, end.unwatched);
  if ('interrupted' in end) {
    state.builds = end.builds;
    noteInterruptions(release, end.interrupted);
    const next = await yieldToNewerBuild(release);
    if (next !== null) return next;
    release.timesInterrupted += 1;
    if (release.timesInterrupted >= MAX_INTERRUPTIONS) {
      const newest = (state.interruptions ?? []).slice(-MAX_INTERRUPTIONS).map(describeInterruption);
      await holdFor(release, 'canary-unstable', `interrupted ${release.timesInterrupted} times: ${newest.join('; ')}`);
      release.timesInterrupted = 0;
    }
  }
  return startOver(release, 'awaiting-canary');
}

/** Starts over from a phase: earlier results, approvals and the watch no longer count. That an image was pushed again remains.
 * With a tenant set aside, or on a copy of the fleet, that is read again, in `resolving`: the quarantine, or the cause of the copy, may have ended. */
export function startOver<P extends 'resolving' | 'awaiting-canary'>(release: Release, phase: P): P | 'resolving' {
  stopWatch(release);
  const { state, plan } = release;
  const isReread = plan.fleetNotes !== undefined && !plan.keepsFleet;
  state.decided = null;
  delete state.watched;
  Object.assign(release, {
    notTested: release.notTested.filter(({ kind }) => kind === 'repushed'),
    unreported: [],
    approved: [],
    startedOverAt: new Date().toISOString(),
    accepted: isOwnApproval(release),
    untested: null,
    greenAt: 0,
    plan: isReread ? NO_PLAN : plan,
  } satisfies Partial<Release>);
  return isReread ? 'resolving' : phase;
}

/** Ends the release if the fleet took a newer build that waits for the lane: no tenant can test this one any more. */
async function yieldToNewerBuild(release: Release): Promise<'queued' | 'done' | null> {
  const confirmed = await confirmHolder(release);
  if ('next' in confirmed) return confirmed.next;
  const { newer } = confirmed.status;
  const isTaken = release.state.builds.some(({ build }) => newer !== null && build !== null && sameBuild(build, newer));
  if (newer === null || !isTaken) return null;
  // Decided before the lane hears of it: its revocation, which may come at once, does not name the reason.
  const done = finish(release, {
    outcome: 'superseded',
    why: `superseded by ${newer}: the canary tenants moved on to it before this one was promoted`,
  });
  await reportHold({ hold: 'canary-unstable', preemptibleAt: Date.now(), yields: true });
  return done;
}
