import type { HolderStatus, Revocation } from '../../src/contract/lane.js';
import { laneRevokedSignal } from '../../src/contract/messages.js';
import type { ReleasePhase } from '../../src/contract/release.js';
import { parseRevocation } from '../../src/lane/payloads/parse.js';
import { describeRevocation } from '../../src/lane/queue.js';
import { laneCalls } from '../shared/activity-options.js';
import { onSignal } from '../shared/handlers.js';
import { finish, type RunEnd } from '../shared/run.js';
import type { Release } from './context.js';
import { holdOnFault } from './hold.js';
import { leaveOut } from './quarantined.js';

/** Handles a revocation: it cancels the work of the release, unless the move has begun. */
export function handleRevocation(release: Release): void {
  onSignal(laneRevokedSignal, parseRevocation, ({ fencingToken, ...revocation }) => {
    release.pendingRevocation = { fencingToken, revocation };
    applyRevocation(release);
  });
}

/** Applies a revocation if it is for the current fencing token. A reset replays signals for an older one, and a revocation may arrive before its token. */
export function applyRevocation(release: Release): void {
  const { pendingRevocation, fencingToken, state } = release;
  if (!pendingRevocation || pendingRevocation.fencingToken !== fencingToken || state.moving || release.end) return;
  release.end = endOf(pendingRevocation.revocation);
  release.scope.cancel();
}

/** End of a release that no longer holds the lane. */
export function endOf(revocation: Revocation): RunEnd {
  const why = describeRevocation(revocation);
  if ('superseded' in revocation) return { outcome: 'superseded', why };
  return { outcome: revocation.knownBad ? 'CanaryBuildBad' : 'CanaryAborted', why };
}

/**
 * Confirms that this release still holds the lane. A release that was reset has another fencing token, or none, and starts over from `queued`.
 * A lane that does not answer in time, twice, holds the release: its build was not at fault.
 */
export async function confirmHolder(
  release: Release,
): Promise<{ next: ReleasePhase & ('done' | 'queued') } | { status: HolderStatus }> {
  const status = await holdOnFault(release, () =>
    laneCalls('confirm that the release holds the lane').confirmHolder(release.request),
  );
  if (status.revocation) return { next: finish(release, endOf(status.revocation)) };
  if (status.fencingToken !== release.fencingToken) return { next: 'queued' };
  leaveOut(release, status.quarantines ?? []);
  return { status };
}
