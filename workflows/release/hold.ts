import {
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { FailureType } from '../../src/contract/failures.js';
import { type Decision, type Hold, type HoldName, holdOfFault, holdRow, PAUSED } from '../../src/contract/hold.js';
import { releaseLaneId } from '../../src/contract/ids.js';
import type { HeldFor, Pause } from '../../src/contract/lane.js';
import { holderStatusSignal } from '../../src/contract/messages.js';
import { CanaryWaitingFor } from '../../src/contract/search-attributes.js';
import { laneWaits } from '../shared/activity-options.js';
import { faultOf, requireNotCancelled, retryOnceAfterTimeout, unwrapFailure } from '../shared/failures.js';
import { ownLane } from '../shared/own-lane.js';
import { setPhase, stopRun } from '../shared/run.js';
import type { Release } from './context.js';

/**
 * Waits for a person. A decision applies to this hold alone; decisions from before it do not count.
 * @returns `approve` or `retry`. An abort, or the expiry of the hold, ends the release instead.
 */
export async function holdFor(release: Release, name: HoldName, why: string): Promise<Decision> {
  const { state, plan } = release;
  const { phase } = holdRow(name);
  // An abort may have arrived together with the fault or verdict that leads here.
  requireNotCancelled();
  release.holds += 1;
  const since = Date.now();
  const until = new Date(since + plan.holdTimeoutMs).toISOString();
  // The id is random, and different after a reset: a decision for this run does not match the next run of the build.
  const hold: Hold = {
    id: `h${release.holds}-${uuid4().slice(0, 6)}`,
    name,
    why,
    since: new Date(since).toISOString(),
    until,
  };
  state.hold = hold;
  state.decided = null;
  setPhase(release, phase, `${name}: ${why}`, plan.holdTimeoutMs, [{ key: CanaryWaitingFor, value: name }]);
  release.feed.emit({ type: 'held', hold: name, holdId: hold.id, why, until });
  // A build that waits only for an approval cannot be preempted for a while. The report runs beside the timer, which starts now.
  const graceMs = phase === 'awaiting-approval' ? plan.holdGraceMs : 0;
  const reported = reportHold({ hold: name, preemptibleAt: since + graceMs });
  const inTime = await condition(() => state.decided !== null, plan.holdTimeoutMs, { summary: `held: ${name}` });
  await reported;
  const decided = state.decided as Decision | null;
  await leaveHold(release);
  if (!inTime || decided === null)
    return stopRun(release, { outcome: 'CanaryHoldExpired', why: `${name}: ${why}; no person decided` });
  if (decided.verb !== 'abort') state.decided = null;
  return decided;
}

/** Waits while the lane is paused, until `canary resume`, the expiry of the pause, or an abort. */
export async function waitWhilePaused(release: Release, { why, by, since }: Pause): Promise<void> {
  requireNotCancelled();
  setPhase(
    release,
    'held',
    `paused: ${why} (${by}, since ${since}). canary resume ends it; abort: end the release`,
    undefined,
    [{ key: CanaryWaitingFor, value: PAUSED }],
  );
  release.feed.emit({ type: 'held', hold: PAUSED, holdId: PAUSED, why, until: null });
  // The build is GREEN and waits only for a person, so it gets the grace period.
  const reported = reportHold({ hold: PAUSED, preemptibleAt: Date.now() + release.plan.holdGraceMs });
  await laneWaits('wait for canary resume').awaitResume();
  await reported;
  await leaveHold(release);
}

/** Ends a hold or a pause, for `status` and for the lane. */
export function leaveHold({ state }: Release): Promise<void> {
  state.hold = null;
  upsertSearchAttributes([{ key: CanaryWaitingFor, value: null }]);
  return reportHold(null);
}

/**
 * Hold that a fault leads to; null if it ends the release. Credentials that were good when the digests were read have expired
 * or were revoked since: a person renews them, and the build need not be tested again.
 */
export const holdOf = ({ pinned }: Release, fault: FailureType | null): HoldName | null =>
  fault === 'RegistryDenied' && pinned.length > 0 ? 'registry-down' : holdOfFault(fault);

/** Runs a step; if it fails with a fault that has a hold, holds the release and repeats the step on `retry`. */
export async function holdOnFault<T>(release: Release, step: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await retryOnceAfterTimeout(step);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const failure = unwrapFailure(error);
      const hold = holdOf(release, faultOf(failure));
      if (hold === null) throw error;
      await holdFor(release, hold, failure.message);
    }
}

/** Reports a hold to the lane, and from when on a newer build may preempt it; null when it has ended. A lost report only delays a preemption: the lane looks the hold up before it preempts. */
export async function reportHold(heldFor: HeldFor | null): Promise<void> {
  await getExternalWorkflowHandle(releaseLaneId(ownLane()))
    .signal(holderStatusSignal, { runId: workflowInfo().runId, heldFor })
    .catch(() => undefined);
}
