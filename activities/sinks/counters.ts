import { metricMeter } from '@temporalio/activity';
import { gateLabel, type MetricName } from '../../src/contract/events.js';
import type { Lane } from '../../src/contract/ids.js';
import type { EventSink } from '../publish.js';

/** Sink that counts events on the worker's `/metrics`, where each name ends in `_total`. Of a worker that serves several gates, each count names its gate. */
export const countersOf = (lane: Lane): EventSink => ({
  name: 'counters',
  deliver(event) {
    const counter = (name: MetricName) => metricMeter.withTags(gateLabel(lane)).createCounter(name);
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
});
