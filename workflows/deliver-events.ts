import {
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  proxySinks,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeliveryCounts } from '../src/contract/events.js';
import { deliverEventsId } from '../src/contract/ids.js';
import { deliverEventSignal } from '../src/contract/messages.js';
import { parseDeliveries } from '../src/domain/events/carried.js';
import {
  type Deliveries,
  dropOldest,
  dueReminders,
  GAP_MS,
  isIdle,
  isOverfull,
  type LostEvent,
  letThrough,
  noDeliveries,
  noteLost,
  parseDeliveryOrder,
  queueEvents,
  remind,
  takeEvent,
} from '../src/domain/events/deliveries.js';
import { prose, section } from '../src/domain/markdown.js';
import { deliveries } from './shared/activity-options.js';
import { unwrapFailure } from './shared/failures.js';
import { onSignal } from './shared/handlers.js';
import { requireId } from './shared/own-lane.js';
import { continueOnCurrent, isOutdated } from './versions/continue-on-current.js';

const { deliveries: counts } = proxySinks<DeliveryCounts>();

/** How long a run without anything to deliver waits for the next event, in milliseconds: until then it knows what it delivered. */
const LINGER_MS = 60 * 60_000;
/** Room for the lost events on its page, in characters. */
const ROOM = 2_000;

/**
 * Delivers the events of one gate to its sinks, and reminds people of holds. Each sink gets its events in order, one at a time; none waits
 * for another sink, and no release for any of them. What fails is retried for an hour, then noted here and counted. Each message, each end
 * of a delivery and each timer is settled alone, and no timer begins again when something else arrives (ADR 10). The next run begins once no
 * delivery is open: one that waits for its next attempt is cancelled and begins again there, one that is under way is awaited.
 */
export async function DeliverEvents(carried: unknown = null): Promise<Pick<Deliveries, 'delivered' | 'lost'>> {
  requireId(deliverEventsId);
  const state = workflowInfo().continuedFromExecutionRunId === undefined ? noDeliveries() : parseDeliveries(carried);
  const busy = new Map<string, CancellationScope>();
  const timed = new Set<string>();
  let arrived = 0;
  let isClosing = false;
  const isFull = () => isClosing || workflowInfo().continueAsNewSuggested || isOutdated();
  const settle = () => {
    queueEvents(state);
    if (isOverfull(state) && patched('bounded-queues')) for (const lost of dropOldest(state)) giveUp(state, lost);
    for (const { order } of state.waiting) later(order.event.id, GAP_MS, 'for the events before it', letThrough);
    for (const due of dueReminders(state))
      later(due.id, due.at - Date.now(), 'until the next reminder', () => remind(state, due));
    if (isFull()) close();
    else for (const sink of Object.keys(state.queues)) if (!busy.has(sink)) void deliverNext(sink);
  };
  const close = () => {
    if (isClosing || busy.size === 0 || !patched('deliveries-cancelled')) return;
    isClosing = true;
    for (const scope of busy.values()) scope.cancel();
  };
  const later = (id: string, ms: number, summary: string, act: (state: Deliveries, id: string) => void) => {
    if (timed.has(id)) return;
    timed.add(id);
    void sleep(Math.max(1, ms), { summary: `wait ${summary}` }).then(() => {
      timed.delete(id);
      act(state, id);
      settle();
    }, ignoreCancel);
  };
  const deliverNext = async (sink: string) => {
    const [event] = state.queues[sink] ?? [];
    if (event === undefined) return;
    const scope = new CancellationScope();
    busy.set(sink, scope);
    try {
      await scope.run(() => deliveries(`tell ${sink}: ${event.type}`).deliver(sink, event));
      state.delivered += 1;
    } catch (error) {
      if (isCancelled(error)) return void busy.delete(sink);
      giveUp(state, { sink, id: event.id, why: unwrapFailure(error).message });
    }
    state.queues[sink]?.shift();
    busy.delete(sink);
    settle();
  };
  onSignal(
    deliverEventSignal,
    parseDeliveryOrder,
    (order) => {
      arrived += 1;
      takeEvent(state, order);
      settle();
    },
    'An event, and the sinks that take it',
  );
  settle();
  for (let before = -1; ; before = arrived) {
    const canContinue = await condition(() => isFull() && busy.size === 0, LINGER_MS, { summary: 'wait for events' });
    if (canContinue) await continueOnCurrent<typeof DeliverEvents>(state);
    if (arrived === before && isIdle(state)) return { delivered: state.delivered, lost: state.lost };
  }
}

/** Whether a delivery was cancelled, or failed at an attempt that was under way then, which the server does not retry. */
const isCancelled = (error: unknown): boolean =>
  isCancellation(error) || (error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED');

function ignoreCancel(error: unknown): void {
  if (!isCancellation(error)) throw error;
}

/** Notes an event that no retry delivered, where people look for it. */
function giveUp(state: Deliveries, lost: LostEvent): void {
  noteLost(state, lost);
  // A worker that replays histories alone has no such sink.
  if (!workflowInfo().unsafe.isReplaying) counts.lost(lost.sink);
  log.error('event.lost', { ...lost });
  const lines = state.lost.map(({ sink, id, why }) => `${prose(sink)} did not get ${prose(id)}: ${prose(why)}`);
  setCurrentDetails(section('Lost', lines.reverse(), ROOM));
}
