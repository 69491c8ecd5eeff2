import { CancellationScope, condition, log, workflowInfo } from '@temporalio/workflow';
import type { AlarmName, DeliveredEvent, ReleaseEvent } from '../../src/contract/events.js';
import { publishing } from './activity-options.js';

/** Longest delay of an entered phase, in milliseconds. An activity costs six events of history: phases that follow one another closely share one. */
const PHASES_DELAY_MS = 5000;

/** Event feed of a run. No run fails, or waits for more than a minute, because an event is not delivered. */
export interface EventFeed {
  emit(event: ReleaseEvent): void;
  /** Whether every event was delivered, or its delivery given up. */
  isIdle(): boolean;
  /** Waits until the feed is idle. A run must call it before it ends, because its activities end with it. */
  flush(): Promise<void>;
}

/** Opens the feed of this run. Events are delivered in order, one batch at a time; events that occur during a delivery form the next batch.
 * An entered phase waits up to 5 s for a more important event to go with.
 * @param onIdle called when the last batch was delivered. */
export function openFeed(sha?: string, onIdle: () => void = () => undefined): EventFeed {
  const { workflowType: workflow, workflowId, runId } = workflowInfo();
  let number = 0;
  let waiting: DeliveredEvent[] = [];
  let flushing = false;
  let delivering: Promise<void> | null = null;
  const isDue = () => flushing || waiting.some(({ type }) => type !== 'phase-entered');
  const deliver = async () => {
    while (waiting.length > 0) {
      if (!isDue()) await condition(isDue, PHASES_DELAY_MS);
      const batch = waiting;
      waiting = [];
      await publishing()
        .publish(batch)
        .catch((error: unknown) => log.error('events were not delivered', { error, events: batch }));
    }
    delivering = null;
    onIdle();
  };
  return {
    emit(event) {
      number += 1;
      const at = new Date().toISOString();
      waiting.push({ ...event, id: `${runId}-${number}`, at, workflow, workflowId, ...(sha && { sha }) });
      delivering ??= CancellationScope.nonCancellable(deliver);
    },
    isIdle: () => delivering === null,
    async flush() {
      flushing = true;
      await CancellationScope.nonCancellable(async () => (await delivering) ?? undefined);
    },
  };
}

/** Raises an alarm, which a person must look at now (invariant I2). */
export const alarm = (
  feed: EventFeed,
  name: AlarmName,
  facts: Omit<Extract<ReleaseEvent, { type: 'alarm' }>, 'type' | 'alarm'>,
): void => feed.emit({ type: 'alarm', alarm: name, ...facts });
