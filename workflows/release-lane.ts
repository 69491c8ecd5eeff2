import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { LaneState } from '../src/contract/lane.js';
import * as messages from '../src/contract/messages.js';
import { sayToLane } from '../src/lane/commands.js';
import { noteDrift, readDrift } from '../src/lane/drift.js';
import { authorizeMove, LEASE_MS, leaseLeft, reportMove } from '../src/lane/moves.js';
import { readAnnouncement, readAsk, readQuestion, readReport, readStanding } from '../src/lane/parse.js';
import { ask, grant, takeOver } from '../src/lane/queue.js';
import { beginRollback } from '../src/lane/rollback.js';
import { emptyLane, putOnHold } from '../src/lane/state.js';
import { laneActivities } from './shared/activity-options.js';
import { alarm } from './shared/events.js';
import { alarmOfHold, followers } from './shared/follow-runs.js';
import { refused, showLane, understood } from './shared/run.js';

/** Events after which a lane goes on as a new run: far below the server's limits. */
const MAX_EVENTS = 4_000;
/** The queue for the fleet and the ledger: one run at a time, in order, nothing forgotten. It never ends by itself. */
export async function ReleaseLane(carried: LaneState | null = null, maxEvents = MAX_EVENTS): Promise<void> {
  const inbox: ((state: LaneState) => void)[] = [];
  const state = carried ?? emptyLane();
  // One that goes on from another run makes sure that nobody knows more: it may have been reset to this very task.
  const { continuedFromExecutionRunId } = workflowInfo();
  let isKnown = carried !== null && continuedFromExecutionRunId === undefined;
  let changed = true;
  const now = () => Date.now();
  /** Signals may come before the lane knows anything. */
  const later = (act: (state: LaneState) => void) => {
    changed = true;
    if (isKnown) act(state);
    else inbox.push(act);
  };
  const takeTurnBack = (lane: LaneState) => {
    if (takeOver(lane, now())) alarm('starved', { why: starvedWords(lane.ledger.starved) });
  };
  const known = async (): Promise<LaneState> => {
    await condition(() => isKnown);
    changed = true;
    return state;
  };

  setHandler(messages.laneQuery, () => (isKnown ? state : null));
  setHandler(messages.ledgerQuery, () => (isKnown ? state.ledger : null));
  setHandler(messages.askSignal, (sent) => {
    const asked = readAsk(sent);
    if (asked) later((lane) => ask(lane, asked));
  });
  setHandler(messages.standingSignal, (sent) => {
    const said = readStanding(sent);
    if (said === null) return;
    later(({ holder }) => {
      if (!holder || holder.runId !== said.runId) return;
      if (said.waits) holder.waits = said.waits;
      else delete holder.waits;
    });
    // Here, not only below: it may have ended by then.
    later(takeTurnBack);
  });
  setHandler(messages.authorizeMoveUpdate, async (sent) => {
    const question = understood(readQuestion, sent);
    return authorizeMove(await known(), question, now());
  });
  setHandler(messages.reportMoveUpdate, async (sent) => {
    const report = understood(readReport, sent);
    const lane = await known();
    const before = lane.ledger.hold;
    reportMove(lane, report, now());
    if (lane.ledger.hold && lane.ledger.hold !== before) alarmOfHold(lane);
  });
  setHandler(messages.beginRollbackUpdate, async (sent) => {
    const said = understood(readAnnouncement, sent);
    const lane = await known();
    // One that does not know what was there before may have forgotten a mover.
    const mayHaveForgotten = lane.ledger.hold?.name === 'not-recovered';
    const no = beginRollback(lane, said, now());
    if (no) throw refused(no.refused);
    return mayHaveForgotten ? LEASE_MS : leaseLeft(lane, said, now());
  });
  setHandler(messages.driftUpdate, async (sent) => {
    const found = understood(readDrift, sent);
    for (const news of noteDrift(await known(), found)) alarm(news.alarm, { why: news.why });
  });
  for (const verb of messages.LANE_VERBS) {
    setHandler(messages.laneVerbUpdate(verb), async (sent) => {
      const said = sayToLane(await known(), verb, sent, now());
      if ('refused' in said) throw refused(said.refused);
      return said.answer;
    });
    setHandler(messages.laneVerbSignal(verb), (sent) => later((lane) => void sayToLane(lane, verb, sent, now())));
  }

  if (!isKnown) Object.assign(state, await recovered(state, carried !== null));
  isKnown = true;
  for (const act of inbox.splice(0)) act(state);
  const follow = followers(state, () => {
    changed = true;
  });
  for (;;) {
    changed = false;
    grant(state, now());
    follow();
    takeTurnBack(state);
    await giveWay(state);
    showLane(state);
    const due = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > maxEvents;
    if (due() && allHandlersFinished()) await continueAsNew<typeof ReleaseLane>(state, maxEvents);
    const waitMs = Math.max(1, (state.holder?.waits?.givesWayAt ?? Number.POSITIVE_INFINITY) - now());
    const isWoken = () => changed || (due() && allHandlersFinished());
    await (state.queue.length > 0 && Number.isFinite(waitMs) ? condition(isWoken, waitMs) : condition(isWoken));
  }
}

async function recovered(state: LaneState, isCarried: boolean): Promise<LaneState> {
  const found = await laneActivities('what the last lane knew').recoverLane(isCarried);
  const why = 'no earlier lane is on record, so where :latest should be is not known: canary lane adopt';
  if (found === 'continued') return state;
  return found ?? putOnHold(state, 'not-recovered', why);
}

const starvedWords = (times: number) =>
  `${times} releases in a row were superseded because the canaries had moved on to a newer build: nothing is tested to its end any more`;

/** Tells a holder that its turn was taken back. */
async function giveWay(state: LaneState): Promise<void> {
  const { holder } = state;
  if (!holder) return;
  const { lost } = holder;
  if (!lost || holder.told) return;
  holder.told = true;
  const { workflowId, runId, turn } = holder;
  const handle = getExternalWorkflowHandle(workflowId, runId);
  const told = CancellationScope.nonCancellable(() => handle.signal(messages.turnLostSignal, { ...lost, turn }));
  await told.catch(() => undefined);
}
