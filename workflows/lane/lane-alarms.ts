import type { LaneState, RunRef } from '../../src/contract/lane.js';
import { preempt } from '../../src/lane/queue.js';
import { outOfOrderAlarm } from '../../src/lane/sequence.js';
import { liveRejection } from '../../src/lane/verdicts.js';
import { alarm, type EventFeed } from '../shared/events.js';

/** Raises the alarm for the hold of the lane. */
export function alarmOfHold(feed: EventFeed, { ledger: { hold, expectedLatest } }: LaneState): void {
  if (hold) alarm(feed, hold.name, { why: hold.why, ...(expectedLatest && { images: expectedLatest.images }) });
}

/** Raises the alarm if the run that has ended rejected the live build. */
export function alarmOfVerdict(feed: EventFeed, { ledger }: LaneState, { runId }: RunRef): void {
  const why = liveRejection(ledger);
  if (why !== null && ledger.verdicts.some((one) => one.runId === runId && one.verdict === 'RED'))
    alarm(feed, 'live-build-red', { why });
}

/** Raises the alarm, once, if releases are superseded by a build that came before them. */
export function alarmOfOrder(feed: EventFeed, { ledger }: LaneState): void {
  const why = outOfOrderAlarm(ledger);
  if (why === null || !ledger.outOfOrder || ledger.outOfOrder.isRaised) return;
  ledger.outOfOrder.isRaised = true;
  alarm(feed, 'out-of-order', { why });
}

/** Revokes the lane of a holder that may be preempted; raises the alarm if no build is tested to the end any more. */
export function preemptHolder(feed: EventFeed, lane: LaneState, now: number): void {
  if (!preempt(lane, now)) return;
  const times = lane.ledger.consecutivePreemptions;
  const why = `${times} releases in a row were superseded because the canary tenants had moved on to a newer build: no build is tested to the end any more`;
  alarm(feed, 'consecutive-preemptions', { why });
}
