import { CancelledFailure, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { releaseLaneId } from '../src/contract/ids.js';
import type { HeldFor, HolderStatus, LaneRequest, Revocation } from '../src/contract/lane.js';
import { holderStatusSignal, laneRevokedSignal } from '../src/contract/messages.js';
import type { Release, RunContext } from './release/context.js';
import { laneCalls, laneWaits } from './shared/activity-options.js';
import { failure, ownLane, setPhase } from './shared/run.js';

/** The turn is another one, or gone: the run starts over from resolving. */
export class LaneChanged extends Error {
  override readonly name = 'TurnChanged';
}

/** Its turn was taken back, or is given up: ends the run, as a cancel would. */
export function lose(desk: RunContext, lost: Revocation): CancelledFailure {
  desk.revocation ??= lost;
  return new CancelledFailure('the turn is lost');
}

/** Hears from the lane that the turn is lost; the steps that run are stopped. */
export function handleRevocation(desk: RunContext): void {
  setHandler(laneRevokedSignal, (sent) => {
    const { fencingToken, superseded, revoked, knownBad } = Object(sent) as Record<string, unknown>;
    if (typeof superseded === 'string') desk.pendingRevocation = { fencingToken, revocation: { superseded } };
    else if (typeof revoked === 'string')
      desk.pendingRevocation = { fencingToken, revocation: { revoked, ...(knownBad === true && { knownBad }) } };
    applyRevocation(desk);
  });
}

/** A reset hands on what was said to the run before it, about another turn; and the news may come with the turn itself. */
function applyRevocation(desk: RunContext): void {
  const { pendingRevocation, fencingToken, state } = desk;
  if (!pendingRevocation || pendingRevocation.fencingToken !== fencingToken || state.moving || desk.revocation) return;
  desk.revocation = pendingRevocation.revocation;
  desk.onAbort();
}

/** Waits for the turn to use the canary fleet. Without one when there is nothing to do: since when, and by whom, the build is live. */
export async function acquireLane(
  desk: RunContext,
  ask: Omit<LaneRequest, 'workflowId' | 'runId'>,
): Promise<string | null> {
  setPhase(desk.state, 'queued', 'waits for its turn to use the canary fleet');
  delete desk.fencingToken;
  desk.request = { ...ask, ...ownRun() };
  const got = await laneWaits('wait for the turn').waitForLane(desk.request);
  if ('superseded' in got) throw lose(desk, got);
  if ('knownBad' in got) throw failure('CanaryBuildBad', got.knownBad);
  if ('alreadyLive' in got) return got.alreadyLive;
  desk.fencingToken = got.fencingToken;
  applyRevocation(desk);
  return null;
}

/** Where this run stands with the lane; one that was reset holds another turn, or none (protocol §2).
 * @throws {LaneChanged} */
export async function confirmHolder(release: Release): Promise<HolderStatus> {
  const standing = await laneCalls('is it still its turn?').confirmHolder(release.request as LaneRequest);
  if (standing.revocation) throw lose(release, standing.revocation);
  if (standing.fencingToken !== release.fencingToken) throw new LaneChanged('the turn is another one');
  return standing;
}

/** Tells the lane what the run is held for, and from when on a newer build may take its turn. Nothing hangs on it. */
export async function reportHold(heldFor: HeldFor | null): Promise<void> {
  await getExternalWorkflowHandle(releaseLaneId(ownLane()))
    .signal(holderStatusSignal, { runId: workflowInfo().runId, heldFor })
    .catch(() => undefined);
}

export const ownRun = () => ({ workflowId: workflowInfo().workflowId, runId: workflowInfo().runId });
