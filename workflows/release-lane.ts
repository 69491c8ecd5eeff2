import { allHandlersFinished, condition, continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { releaseLaneId } from '../src/contract/ids.js';
import { laneDetails } from '../src/lane/details.js';
import { parseLaneState } from '../src/lane/payloads/state.js';
import { grant } from '../src/lane/queue.js';
import { emptyLane } from '../src/lane/state.js';
import { announcedRollbacks } from './lane/announced-rollbacks.js';
import { followers, notifyHolder, runsRecorder } from './lane/follow-runs.js';
import { handleMessages, type LaneRun } from './lane/handlers.js';
import { alarmOfOrder, preemptHolder } from './lane/lane-alarms.js';
import { queueLookUps } from './lane/queue-look-ups.js';
import { recoverState } from './lane/recover-state.js';
import { openFeed } from './shared/events.js';
import { requireId } from './shared/own-lane.js';

/** History length, in events, after which the lane continues as new: a worker that starts replays them within one workflow task. */
const MAX_EVENTS = 1_000;
/** Longest time between two looks at who may be preempted, in milliseconds. */
const MAX_WAIT_MS = 24 * 3_600_000;

/** Least of those: with fewer, a lane does nothing but continue. */
const MIN_EVENTS = 20;

/**
 * Serial queue of the canary fleet, and its ledger. It runs forever. What it starts with counts only if it continues another run, and
 * `recoverLane` knows that one as a lane of this gate; any other lane recovers its ledger.
 */
export async function ReleaseLane(typed: unknown = null, typedEvents: unknown = MAX_EVENTS): Promise<void> {
  requireId(releaseLaneId);
  const carried = workflowInfo().continuedFromExecutionRunId === undefined ? null : parseLaneState(typed);
  const maxEvents = Math.min(
    MAX_EVENTS,
    Math.max(MIN_EVENTS, Number.isFinite(typedEvents) ? Number(typedEvents) : MAX_EVENTS),
  );
  const wake = () => {
    run.changed = true;
  };
  const state = carried ?? emptyLane();
  const run: LaneRun = {
    state,
    feed: openFeed(undefined, wake),
    announced: announcedRollbacks(wake),
    isKnown: false,
    changed: true,
    inbox: [],
  };
  const { feed, announced } = run;
  const isIdle = () => allHandlersFinished() && feed.isIdle() && announced.isIdle();
  const now = () => Date.now();
  handleMessages(run);

  Object.assign(state, await recoverState(state, carried !== null));
  run.isKnown = true;
  for (const act of run.inbox.splice(0)) act();
  const follow = followers(state, feed, wake);
  const recordRuns = runsRecorder();
  const isLookingUp = queueLookUps(state, wake);
  for (;;) {
    run.changed = false;
    if (!isLookingUp()) grant(state, now());
    follow();
    preemptHolder(feed, state, now());
    alarmOfOrder(feed, state);
    await notifyHolder(state);
    recordRuns(state);
    setCurrentDetails(laneDetails(state, now()));
    const due = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > maxEvents;
    if (due() && isIdle()) await continueAsNew<typeof ReleaseLane>(state, maxEvents);
    const waitMs = (state.holder?.heldFor?.preemptibleAt ?? Number.POSITIVE_INFINITY) - now();
    const isWoken = () => run.changed || (due() && isIdle());
    await (state.queue.length > 0 && Number.isFinite(waitMs)
      ? condition(isWoken, Math.min(Math.max(1, waitMs), MAX_WAIT_MS))
      : condition(isWoken));
  }
}
