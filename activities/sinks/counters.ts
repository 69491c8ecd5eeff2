import type { Lane } from '../../src/contract/ids.js';
import type { PhaseTime } from '../../src/contract/release.js';
import { metrics } from '../../src/metrics/metrics.js';
import { withGate } from '../../src/metrics/table.js';
import type { EventSink } from '../publish.js';

/** Sink that counts events on the worker's `/metrics`. Of a worker that serves several gates, each count names its gate. */
export const countersOf = (lane: Lane): EventSink => ({
  name: 'counters',
  deliver(event) {
    switch (event.type) {
      case 'rejected':
      case 'promoted':
      case 'rolled-back':
      case 'superseded':
      case 'ended':
        observePhases(lane, event.phases ?? []);
        return metrics.count(
          'canary_runs_ended_total',
          withGate(lane, { workflow: event.workflow, outcome: event.outcome }),
        );
      case 'production-watched':
        return metrics.count(
          'canary_runs_ended_total',
          withGate(lane, { workflow: event.workflow, outcome: event.outcome }),
        );
      case 'moved':
        return metrics.count('canary_moves_total', withGate(lane, { kind: event.kind, result: event.result }));
      case 'held':
        return metrics.count('canary_holds_total', withGate(lane, { hold: event.hold }));
      case 'decided':
        return metrics.count('canary_decisions_total', withGate(lane, { decision: event.decision }));
      case 'interrupted':
        return metrics.count('canary_interruptions_total', withGate(lane, {}));
      case 'alarm':
        return metrics.count('canary_alarms_total', withGate(lane, { alarm: event.alarm }));
      default:
        return undefined;
    }
  },
});

/** A phase has a row for each of its holds. */
function observePhases(lane: Lane, times: PhaseTime[]): void {
  for (const phase of new Set(times.map((time) => time.phase))) {
    const ms = times.filter((time) => time.phase === phase).reduce((sum, time) => sum + time.ms, 0);
    metrics.observe('canary_phase_duration_seconds', withGate(lane, { phase }), ms / 1_000);
  }
  for (const { hold, ms } of times)
    if (hold !== undefined) metrics.observe('canary_people_wait_seconds', withGate(lane, { hold }), ms / 1_000);
}
