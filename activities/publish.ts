import type { DeliveredEvent } from '../src/contract/events.js';
import { withHeartbeat } from './heartbeat.js';

/** Destination of events, in `sinks/`. A notifier is one more. */
export interface EventSink {
  /** Name in an error. */
  name: string;
  deliver(event: DeliveredEvent): Promise<void> | void;
}

/** Newest ids that a worker keeps for each sink: a batch is retried within minutes of its first attempt. */
const MAX_SEEN = 10_000;

/** Activity that delivers events to `sinks`. */
export function createPublishActivities({ sinks }: { sinks: EventSink[] }) {
  const deliveries = sinks.map(deliverOnce);
  return {
    /**
     * Delivers a batch of events of one run. Batches may overtake one another; the number in an event's id gives the order.
     * A sink that fails stops no other one. The retry, on this worker, delivers only what failed; on another worker it
     * repeats the batch.
     */
    publish: (events: DeliveredEvent[]): Promise<void> =>
      withHeartbeat(async () => {
        const failed = (await Promise.all(deliveries.map((deliver) => deliver(events)))).flat();
        if (failed.length > 0) throw new Error(`events were not delivered: ${failed.join('; ')}`);
      }),
  };
}

/** Delivers each event to one sink, unless this worker has delivered its id before; returns a line for each failure. */
function deliverOnce(sink: EventSink): (events: DeliveredEvent[]) => Promise<string[]> {
  const seen = new Set<string>();
  return async (events) => {
    const failed: string[] = [];
    for (const event of events) {
      if (seen.has(event.id)) continue;
      try {
        await sink.deliver(event);
      } catch (error) {
        failed.push(`${sink.name}: ${error instanceof Error ? error.message : String(error)}`);
        continue;
      }
      seen.add(event.id);
      for (const oldest of seen) {
        if (seen.size <= MAX_SEEN) break;
        seen.delete(oldest);
      }
    }
    return failed;
  };
}
