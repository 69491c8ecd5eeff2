import type { SignalDefinition } from '@temporalio/common';
import { condition } from '@temporalio/workflow';
import { releaseId } from '../../src/contract/ids.js';
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
  parseRollbackRequest,
} from '../../src/lane/payloads/parse.js';
import { enqueue } from '../../src/lane/queue.js';
import { alarm, type EventFeed } from '../shared/events.js';
import { rejection } from '../shared/failures.js';
import { attempt, onSignal, onUpdate, type Parse } from '../shared/handlers.js';
import { ownLane } from '../shared/own-lane.js';
import type { AnnouncedRollbacks } from './announced-rollbacks.js';
import { alarmOfHold } from './lane-alarms.js';

/** One run of the lane. */
export interface LaneRun {
  readonly state: LaneState;
  readonly feed: EventFeed;
  readonly announced: AnnouncedRollbacks;
  /** Whether the state is recovered. */
  isKnown: boolean;
  /** Signals that wait until the state is recovered. */
  readonly inbox: (() => void)[];
  /** Draws what follows from the state: who gets the lane, who is followed, revoked or told. */
  settle(): void;
  /** Looks whether the lane must continue as new. */
  look(): void;
  /** Makes the lane continue as new, as soon as nothing is under way. */
  renew(): void;
}

/** Handles every message to the lane. One that needs the ledger waits until it is recovered. */
export function handleMessages(run: LaneRun): void {
  const { state, feed, announced } = run;
  const now = () => Date.now();
  /** `act` returns false if it has changed nothing: a flood of requests that are not taken must cost little. */
  const settled = <T>(act: () => T): T => {
    let result: T | undefined;
    try {
      result = act();
      return result;
    } finally {
      if (result === false) run.look();
      else run.settle();
    }
  };
  /** Carries out an update once the state is recovered; at once if it is. */
  const decide = <T>(act: () => T | Promise<T>): T | Promise<T> =>
    run.isKnown ? settled(act) : condition(() => run.isKnown).then(() => settled(act));
  const whenKnown = <S, T>(signal: SignalDefinition<[S]>, parse: Parse<T>, act: (sent: T) => unknown) =>
    onSignal(signal, parse, (sent) =>
      run.isKnown ? settled(() => act(sent)) : run.inbox.push(() => attempt(signal.name, () => act(sent))),
    );

  const lane = ownLane();
  whenKnown(
    messages.joinQueueSignal,
    parseLaneRequest,
    // A holder of another lane could not be followed to its end.
    (request) => request.workflowId === releaseId(lane, request.sha) && enqueue(state, request),
  );
  whenKnown(messages.holderStatusSignal, parseHolderReport, ({ runId, heldFor }) => {
    const { holder } = state;
    if (holder?.runId === runId) {
      if (heldFor) holder.heldFor = heldFor;
      else delete holder.heldFor;
    }
  });
  onUpdate(messages.authorizeMoveUpdate, parseMoveQuestion, (question) =>
    decide(() => authorizeMove(state, question, now())),
  );
  onUpdate(messages.reportMoveUpdate, parseMoveReport, (report) =>
    decide(async () => {
      const before = state.ledger.hold;
      await announced.report(state, report);
      const { hold } = state.ledger;
      // That of a rollback is no news: it was announced.
      if (hold && hold !== before && hold.name !== 'after-rollback') alarmOfHold(feed, state);
    }),
  );
  onUpdate(messages.beginRollbackUpdate, parseRollbackRequest, (request) =>
    decide(() => announced.answer(state, request)),
  );
  whenKnown(messages.beginRollbackSignal, parseRollbackRequest, (request) => announced.begin(state, request));
  whenKnown(messages.reportMoveSignal, parseMoveReport, (report) => announced.report(state, report));
  onUpdate(messages.driftUpdate, parseDrift, (found) =>
    decide(() => {
      for (const news of noteDrift(state, found)) alarm(feed, news.alarm, { why: news.why });
    }),
  );
  // Parsed where it is applied: each command has fields of its own, and says in words what is wrong with them.
  const anything: Parse<unknown> = (sent) => sent ?? {};
  for (const verb of messages.LANE_COMMANDS) {
    onUpdate(messages.laneCommandUpdate(verb), anything, (sent) =>
      decide(() => {
        const answer = applyCommand(state, verb, sent, now());
        if ('refused' in answer) throw rejection(answer.refused);
        if (verb === 'renew') run.renew();
        return answer.answer;
      }),
    );
    whenKnown(messages.laneCommandSignal(verb), anything, (sent) => {
      if (!('refused' in applyCommand(state, verb, sent, now())) && verb === 'renew') run.renew();
    });
  }
}
