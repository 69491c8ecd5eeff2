import type { SignalDefinition } from '@temporalio/common';
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { LaneState } from '../src/contract/lane.js';
import * as messages from '../src/contract/messages.js';
import { applyCommand } from '../src/lane/commands.js';
import { laneDetails } from '../src/lane/details.js';
import { noteDrift, parseDrift } from '../src/lane/drift.js';
import { authorizeMove, reportMove } from '../src/lane/moves.js';
import {
  parseHolderReport,
  parseLaneRequest,
  parseMoveQuestion,
  parseMoveReport,
  parsePositionRequest,
  parseRollbackRequest,
} from '../src/lane/parse.js';
import { positionOf } from '../src/lane/position.js';
import { enqueue, grant } from '../src/lane/queue.js';
import { emptyLane } from '../src/lane/state.js';
import { announcedRollbacks } from './shared/announced-rollbacks.js';
import { alarm, openFeed } from './shared/events.js';
import { parseOrDrop, parseOrReject, rejection } from './shared/failures.js';
import { followers, notifyHolder, runsRecorder } from './shared/follow-runs.js';
import { alarmOfHold, alarmOfOrder, preemptHolder } from './shared/lane-alarms.js';
import { recoverState } from './shared/recover-state.js';

/** History length, in events, after which the lane continues as new: a worker that starts replays them within one workflow task. */
const MAX_EVENTS = 1_000;
/** Serial queue of the canary fleet, and its ledger. It runs forever. */
export async function ReleaseLane(carried: LaneState | null = null, maxEvents = MAX_EVENTS): Promise<void> {
  const inbox: ((state: LaneState) => void)[] = [];
  const state = carried ?? emptyLane();
  // A lane that continues another run checks that no run knows more: it may have been reset to this task.
  const { continuedFromExecutionRunId } = workflowInfo();
  let isKnown = carried !== null && continuedFromExecutionRunId === undefined;
  let changed = true;
  const feed = openFeed(undefined, () => {
    changed = true;
  });
  const announced = announcedRollbacks(() => {
    changed = true;
  });
  const isIdle = () => allHandlersFinished() && feed.isIdle() && announced.isIdle();
  const now = () => Date.now();
  /** Applies a signal once the lane has recovered. */
  const whenKnown = (act: (state: LaneState) => void) => {
    changed = true;
    if (isKnown) act(state);
    else inbox.push(act);
  };
  /** Handles a signal of a run; one that cannot be read is dropped. */
  const onSignal = <T>(
    signal: SignalDefinition<[T]>,
    parse: (sent: unknown) => T | null,
    act: (state: LaneState, sent: T) => unknown,
  ) =>
    setHandler(signal, (sent: unknown) => {
      const message = parseOrDrop(parse, sent);
      if (message !== null) whenKnown((lane) => void act(lane, message));
    });
  const known = async (): Promise<LaneState> => {
    await condition(() => isKnown);
    changed = true;
    return state;
  };

  setHandler(messages.laneQuery, () => (isKnown ? state : null));
  setHandler(messages.positionQuery, (sent) => {
    const request = parsePositionRequest(sent);
    return isKnown && request ? positionOf(state, request) : null;
  });
  setHandler(messages.ledgerQuery, () => (isKnown ? state.ledger : null));
  onSignal(messages.joinQueueSignal, parseLaneRequest, enqueue);
  setHandler(messages.holderStatusSignal, (sent) => {
    const report = parseHolderReport(sent);
    if (report === null) return;
    whenKnown(({ holder }) => {
      if (!holder || holder.runId !== report.runId) return;
      if (report.heldFor) holder.heldFor = report.heldFor;
      else delete holder.heldFor;
    });
    // Preempted here and not only in the main loop: the hold may have ended by then.
    whenKnown((lane) => preemptHolder(feed, lane, now()));
  });
  setHandler(messages.authorizeMoveUpdate, async (sent) => {
    const question = parseOrReject(parseMoveQuestion, sent);
    return authorizeMove(await known(), question, now());
  });
  setHandler(messages.reportMoveUpdate, async (sent) => {
    const report = parseOrReject(parseMoveReport, sent);
    const lane = await known();
    await announced.settled();
    const before = lane.ledger.hold;
    reportMove(lane, report, now());
    if (lane.ledger.hold && lane.ledger.hold !== before) alarmOfHold(feed, lane);
  });
  setHandler(messages.beginRollbackUpdate, async (sent) => {
    const request = parseOrReject(parseRollbackRequest, sent);
    return announced.answer(await known(), request);
  });
  onSignal(messages.beginRollbackSignal, parseRollbackRequest, announced.begin);
  onSignal(messages.reportMoveSignal, parseMoveReport, (lane, report) =>
    announced.settled().then(() => reportMove(lane, report, now())),
  );
  setHandler(messages.driftUpdate, async (sent) => {
    const found = parseOrReject(parseDrift, sent);
    for (const news of noteDrift(await known(), found)) alarm(feed, news.alarm, { why: news.why });
  });
  for (const verb of messages.LANE_COMMANDS) {
    setHandler(messages.laneCommandUpdate(verb), async (sent) => {
      const answer = applyCommand(await known(), verb, sent, now());
      if ('refused' in answer) throw rejection(answer.refused);
      return answer.answer;
    });
    setHandler(messages.laneCommandSignal(verb), (sent) =>
      whenKnown((lane) => void applyCommand(lane, verb, sent, now())),
    );
  }

  if (!isKnown) Object.assign(state, await recoverState(state, carried !== null));
  isKnown = true;
  for (const act of inbox.splice(0)) act(state);
  const follow = followers(state, feed, () => {
    changed = true;
  });
  const recordRuns = runsRecorder();
  for (;;) {
    changed = false;
    grant(state, now());
    follow();
    preemptHolder(feed, state, now());
    alarmOfOrder(feed, state);
    await notifyHolder(state);
    recordRuns(state);
    setCurrentDetails(laneDetails(state, now()));
    const due = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > maxEvents;
    if (due() && isIdle()) await continueAsNew<typeof ReleaseLane>(state, maxEvents);
    const waitMs = Math.max(1, (state.holder?.heldFor?.preemptibleAt ?? Number.POSITIVE_INFINITY) - now());
    const isWoken = () => changed || (due() && isIdle());
    await (state.queue.length > 0 && Number.isFinite(waitMs) ? condition(isWoken, waitMs) : condition(isWoken));
  }
}
