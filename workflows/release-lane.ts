import { allHandlersFinished, condition, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { releaseLaneId } from '../src/contract/ids.js';
import { laneDetails } from '../src/lane/details.js';
import { parseLaneState } from '../src/lane/payloads/state.js';
import { grant } from '../src/lane/queue.js';
import { emptyLane } from '../src/lane/state.js';
import { announcedRollbacks } from './lane/announced-rollbacks.js';
import { followers, preemptionTimer, revocations } from './lane/follow-runs.js';
import { handleMessages, type LaneRun } from './lane/handlers.js';
import { alarmOfOrder, preemptHolder } from './lane/lane-alarms.js';
import { queueLookUps } from './lane/queue-look-ups.js';
import { type Recorder, recorder } from './lane/recorder.js';
import { recoverState } from './lane/recover-state.js';
import { openFeed } from './shared/events.js';
import { requireId } from './shared/own-lane.js';
import { continueOnCurrent, isOutdated } from './versions/continue-on-current.js';

/** History length, in events, after which the lane continues as new: a worker that starts replays them within one workflow task. */
const MAX_EVENTS = 500;
/** Least of those: with fewer, a lane does nothing but continue. */
const MIN_EVENTS = 20;

/**
 * Serial queue of the canary fleet, and its ledger. It runs forever. What it starts with counts only if it continues another run, and
 * `recoverLane` knows that one as a lane of this gate; any other lane recovers its ledger.
 *
 * Each message, and each end of an activity, is settled alone: what it leads to must not depend on what arrives in the same
 * workflow task, because a replay may divide the tasks otherwise (ADR 10).
 */
export async function ReleaseLane(typed: unknown = null, typedEvents: unknown = MAX_EVENTS): Promise<void> {
  const lane = requireId(releaseLaneId);
  const carried = workflowInfo().continuedFromExecutionRunId === undefined ? null : parseLaneState(typed);
  const maxEvents = Math.min(
    MAX_EVENTS,
    Math.max(MIN_EVENTS, Number.isFinite(typedEvents) ? Number(typedEvents) : MAX_EVENTS),
  );
  const state = carried ?? emptyLane();
  const feed = openFeed();
  const settle = () => {
    if (!run.isKnown) return;
    if (!lookUps.isUnderWay()) grant(state, Date.now());
    follow();
    if (lookUps.mayPreempt()) preemptHolder(feed, state, Date.now());
    alarmOfOrder(feed, state);
    revoked.notify(state);
    record?.(state);
    awaitPreemption(state);
    hasChanged = true;
    look();
  };
  let [isLooking, hasChanged, isDue, isRenewed] = [false, false, false, false];
  /** Looks, once for all that a workflow task brings, whether the history is long, and shows people the state: no command. `workflowInfo` copies much. */
  const look = () => {
    if (isLooking) return;
    isLooking = true;
    void Promise.resolve().then(() => {
      const { continueAsNewSuggested, historyLength } = workflowInfo();
      isDue = isRenewed || continueAsNewSuggested || historyLength > maxEvents || isOutdated();
      if (hasChanged) setCurrentDetails(laneDetails(state, Date.now(), lane));
      [isLooking, hasChanged] = [false, false];
    });
  };
  const renew = () => {
    isRenewed = true;
  };
  const announced = announcedRollbacks(settle);
  const run: LaneRun = { state, feed, announced, isKnown: false, inbox: [], settle, look, renew };
  const follow = followers(state, feed, settle);
  const revoked = revocations();
  let record: Recorder | undefined;
  const lookUps = queueLookUps(state, settle);
  const awaitPreemption = preemptionTimer(settle);
  handleMessages(run);

  const recovered = await recoverState(state, carried !== null);
  record = recorder(recovered.base);
  Object.assign(state, recovered.state);
  for (const act of run.inbox.splice(0)) act();
  run.isKnown = true;
  settle();
  const isIdle = () => allHandlersFinished() && feed.isIdle() && announced.isIdle() && revoked.isIdle();
  await condition(() => isDue && isIdle());
  await continueOnCurrent<typeof ReleaseLane>(state, maxEvents);
}
