import { getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { releaseLaneId } from '../../src/contract/ids.js';
import type { HeldFor, HolderStatus, Revocation } from '../../src/contract/lane.js';
import { holderStatusSignal, laneRevokedSignal } from '../../src/contract/messages.js';
import type { ReleasePhase } from '../../src/contract/release.js';
import { describeRevocation } from '../../src/lane/queue.js';
import { laneCalls } from '../shared/activity-options.js';
import { finish, ownLane, type RunEnd } from '../shared/run.js';
import type { Release } from './context.js';

/** Listens for a revocation: what the release does is cancelled then, unless it moves `:latest` already. */
export function handleRevocation(release: Release): void {
  setHandler(laneRevokedSignal, (sent) => {
    const { fencingToken, superseded, revoked, knownBad } = Object(sent) as Record<string, unknown>;
    if (typeof superseded === 'string') release.pendingRevocation = { fencingToken, revocation: { superseded } };
    else if (typeof revoked === 'string')
      release.pendingRevocation = { fencingToken, revocation: { revoked, ...(knownBad === true && { knownBad }) } };
    applyRevocation(release);
  });
}

/** A reset replays signals about an older fencing token, and a revocation may overtake the token that it is about. */
export function applyRevocation(release: Release): void {
  const { pendingRevocation, fencingToken, state } = release;
  if (!pendingRevocation || pendingRevocation.fencingToken !== fencingToken || state.moving || release.end) return;
  release.end = endOf(pendingRevocation.revocation);
  release.scope.cancel();
}

/** How a release ends that no longer holds the lane. */
export function endOf(revocation: Revocation): RunEnd {
  const why = describeRevocation(revocation);
  if ('superseded' in revocation) return { outcome: 'superseded', why };
  return { outcome: revocation.knownBad ? 'CanaryBuildBad' : 'CanaryAborted', why };
}

/** Asks the lane whether this release still holds it. A release that was reset holds it under another number, or not at all: it starts over. */
export async function confirmHolder(
  release: Release,
): Promise<{ next: ReleasePhase & ('done' | 'queued') } | { status: HolderStatus }> {
  const status = await laneCalls('confirm that the release holds the lane').confirmHolder(release.request);
  if (status.revocation) return { next: finish(release, endOf(status.revocation)) };
  return status.fencingToken === release.fencingToken ? { status } : { next: 'queued' };
}

/** Tells the lane what the release is held for, and from when on a newer build may preempt it. A lane that misses it preempts later. */
export async function reportHold(heldFor: HeldFor | null): Promise<void> {
  await getExternalWorkflowHandle(releaseLaneId(ownLane()))
    .signal(holderStatusSignal, { runId: workflowInfo().runId, heldFor })
    .catch(() => undefined);
}
