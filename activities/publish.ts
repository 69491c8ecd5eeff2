import { log, metricMeter } from '@temporalio/activity';
import type { DeliveredEvent, MetricName } from '../src/contract/events.js';
import { withHeartbeat } from './heartbeat.js';

/** Destination of events. A sink drops an event whose id it has seen: a batch is delivered again if a worker dies in the middle of it. */
export interface EventSink {
  deliver(event: DeliveredEvent): Promise<void> | void;
}

/** Sink that logs one JSON line per event; alarms are errors. */
const logLines: EventSink = {
  deliver(event) {
    const { type, ...facts } = event;
    log[type === 'alarm' ? 'error' : 'info'](type, { event: type, ...facts });
  },
};

const counter = (name: MetricName) => metricMeter.createCounter(name);

/** Sink that counts events on the worker's `/metrics`, where each name ends in `_total`. */
const counters: EventSink = {
  deliver(event) {
    switch (event.type) {
      case 'rejected':
      case 'promoted':
      case 'rolled-back':
      case 'superseded':
      case 'ended':
      case 'production-watched':
        return counter('canary_runs_ended').add(1, { workflow: event.workflow, outcome: event.outcome });
      case 'moved':
        return counter('canary_moves').add(1, { kind: event.kind, result: event.result });
      case 'held':
        return counter('canary_holds').add(1, { hold: event.hold });
      case 'alarm':
        return counter('canary_alarms').add(1, { alarm: event.alarm });
      default:
        return undefined;
    }
  },
};

/** Sinks of this worker; a notifier is one more entry. */
const SINKS: EventSink[] = [logLines, counters];

/** Activity that delivers events. */
export function createPublishActivities() {
  return {
    /** Delivers a batch of events of one run. Batches may overtake one another; the number in an event's id gives the order. */
    publish: (events: DeliveredEvent[]): Promise<void> =>
      withHeartbeat(async () => {
        for (const event of events) for (const sink of SINKS) await sink.deliver(event);
      }),
  };
}
