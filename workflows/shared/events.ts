import { CancellationScope, condition, isCancellation, log, sleep, workflowInfo } from '@temporalio/workflow';
import type { AlarmName, DeliveredEvent, ReleaseEvent } from '../../src/contract/events.js';
import type { WorkflowType } from '../../src/contract/ids.js';
import { publishing } from './activity-options.js';

/** Longest delay of an entered phase, in milliseconds. An activity costs six events of history: phases that follow one another closely share one. */
const PHASES_DELAY_MS = 5000;

/** Event feed of a run. No run fails because an event is not delivered, or waits for it for longer than `PUBLISHES` has attempts. */
export interface EventFeed {
  emit(event: ReleaseEvent): void;
  /** Whether every event was delivered, or its delivery given up. */
  isIdle(): boolean;
  /** Waits until the feed is idle. A run must call it before it ends, because its activities end with it. */
  flush(): Promise<void>;
}

/**
 * Opens the feed of this run. An event is delivered at once, together with the phases entered before it; an entered phase waits up to 5 s for it.
 * Deliveries do not wait for one another: a sink that needs the order has the number in the event's id. If they did, an
 * update and the end of a delivery would give commands in an order that depends on whether the worker has the run in its
 * cache: after a restart SDK core passes both in one activation, and on replay in two (ADR 10).
 */
export function openFeed(sha?: string): EventFeed {
  const { workflowType, workflowId, runId } = workflowInfo();
  const workflow = workflowType as WorkflowType;
  let number = 0;
  let waiting: DeliveredEvent[] = [];
  let delay: CancellationScope | null = null;
  let deliveries = 0;
  const isIdle = () => deliveries === 0 && waiting.length === 0;
  const deliver = () => {
    const batch = waiting;
    waiting = [];
    delay?.cancel();
    delay = null;
    deliveries += 1;
    void CancellationScope.nonCancellable(() => publishing().publish(batch))
      .catch((error: unknown) => log.error('events.unpublished', { error, events: batch }))
      .finally(() => {
        deliveries -= 1;
      });
  };
  const deliverLater = () => {
    if (delay) return;
    const scope = new CancellationScope();
    delay = scope;
    void scope
      .run(() => sleep(PHASES_DELAY_MS, { summary: 'collect entered phases' }))
      .then(() => delay === scope && deliver())
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  };
  return {
    emit(event) {
      number += 1;
      const at = new Date().toISOString();
      waiting.push({ ...event, id: `${runId}-${number}`, at, workflow, workflowId, ...(sha && { sha }) });
      if (event.type === 'phase-entered') void CancellationScope.nonCancellable(async () => deliverLater());
      else deliver();
    },
    isIdle,
    flush: () =>
      CancellationScope.nonCancellable(async () => {
        if (waiting.length > 0) deliver();
        await condition(isIdle);
      }),
  };
}

/** Raises an alarm, which a person must look at now (invariant I2). */
export const alarm = (
  feed: EventFeed,
  name: AlarmName,
  facts: Omit<Extract<ReleaseEvent, { type: 'alarm' }>, 'type' | 'alarm'>,
): void => feed.emit({ type: 'alarm', alarm: name, ...facts });
