import type { SignalDefinition } from '@temporalio/common';
import { condition } from '@temporalio/workflow';
import type { LaneState } from '../../src/contract/lane.js';
import * as messages from '../../src/contract/messages.js';
import { applyCommand } from '../../src/lane/commands.js';
import { noteDrift, parseDrift } from '../../src/lane/drift.js';
import { authorizeMove } from '../../src/lane/moves.js';
import {
  parseHolderReport,
  parseLaneRequest,
  parseMoveQuestion,
  parseMoveReport,
  parsePositionRequest,
  parseRollbackRequest,
} from '../../src/lane/payloads/parse.js';
import { positionOf } from '../../src/lane/position.js';
import { enqueue } from '../../src/lane/queue.js';
import { alarm, type EventFeed } from '../shared/events.js';
import { rejection } from '../shared/failures.js';
import { attempt, onQuery, onQuestion, onSignal, onUpdate, type Parse } from '../shared/handlers.js';
import type { AnnouncedRollbacks } from './announced-rollbacks.js';
import { alarmOfHold, preemptHolder } from './lane-alarms.js';

/** One run of the lane. */
export interface LaneRun {
  readonly state: LaneState;
  readonly feed: EventFeed;
  readonly announced: AnnouncedRollbacks;
  /** Whether the state is recovered. */
  isKnown: boolean;
  /** Whether the main loop must look at the state again. */
  changed: boolean;
  /** Signals that wait until the state is recovered. */
  readonly inbox: (() => void)[];
}

/** Handles every message to the lane. One that needs the ledger waits until it is recovered. */
export function handleMessages(run: LaneRun): void {
  const { state, feed, announced } = run;
  const now = () => Date.now();
  const known = async (): Promise<LaneState> => {
    await condition(() => run.isKnown);
    run.changed = true;
    return state;
  };
  const whenKnown = <S, T>(signal: SignalDefinition<[S]>, parse: Parse<T>, act: (sent: T) => unknown) =>
    onSignal(signal, parse, (sent) => {
      run.changed = true;
      return run.isKnown ? act(sent) : run.inbox.push(() => attempt(signal.name, () => act(sent)));
    });

  onQuery(messages.laneQuery, () => (run.isKnown ? state : null));
  onQuery(messages.ledgerQuery, () => (run.isKnown ? state.ledger : null));
  onQuestion(messages.positionQuery, parsePositionRequest, (asked) => (run.isKnown ? positionOf(state, asked) : null));

  whenKnown(messages.joinQueueSignal, parseLaneRequest, (request) => enqueue(state, request));
  whenKnown(messages.holderStatusSignal, parseHolderReport, ({ runId, heldFor }) => {
    const { holder } = state;
    if (holder?.runId === runId) {
      if (heldFor) holder.heldFor = heldFor;
      else delete holder.heldFor;
    }
    // Preempted here and not only in the main loop: the hold may have ended by then.
    preemptHolder(feed, state, now());
  });
  onUpdate(messages.authorizeMoveUpdate, parseMoveQuestion, async (question) =>
    authorizeMove(await known(), question, now()),
  );
  onUpdate(messages.reportMoveUpdate, parseMoveReport, async (report) => {
    const lane = await known();
    const before = lane.ledger.hold;
    await announced.report(lane, report);
    if (lane.ledger.hold && lane.ledger.hold !== before) alarmOfHold(feed, lane);
  });
  onUpdate(messages.beginRollbackUpdate, parseRollbackRequest, async (request) =>
    announced.answer(await known(), request),
  );
  whenKnown(messages.beginRollbackSignal, parseRollbackRequest, (request) => announced.begin(state, request));
  whenKnown(messages.reportMoveSignal, parseMoveReport, (report) => announced.report(state, report));
  onUpdate(messages.driftUpdate, parseDrift, async (found) => {
    for (const news of noteDrift(await known(), found)) alarm(feed, news.alarm, { why: news.why });
  });
  // Parsed where it is applied: each command has fields of its own, and says in words what is wrong with them.
  const anything: Parse<unknown> = (sent) => sent ?? {};
  for (const verb of messages.LANE_COMMANDS) {
    onUpdate(messages.laneCommandUpdate(verb), anything, async (sent) => {
      const answer = applyCommand(await known(), verb, sent, now());
      if ('refused' in answer) throw rejection(answer.refused);
      return answer.answer;
    });
    whenKnown(messages.laneCommandSignal(verb), anything, (sent) => applyCommand(state, verb, sent, now()));
  }
}
