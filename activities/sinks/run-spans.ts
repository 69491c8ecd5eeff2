import { createHash } from 'node:crypto';
import { type DeliveredEvent, partsOfId } from '../../src/contract/events.js';
import { FAILURE_TYPES } from '../../src/contract/failures.js';
import type { PhaseTime } from '../../src/contract/release.js';
import { spanOfRun } from '../../src/domain/payloads/trace.js';
import { addSpans, type Span } from '../../src/tracing/spans.js';
import type { EventSink } from '../publish.js';

/** Sink that tells a run that has ended as a span, with one for each phase and hold; nothing unless traces are sent. */
export const runSpans: EventSink = {
  name: 'traces',
  deliver(event) {
    const { runId } = partsOfId(event.id) ?? {};
    if (runId === undefined || !('phases' in event) || !event.phases?.length) return;
    const { phases } = event;
    addSpans((trace) => spansOf({ ...event, phases }, runId, trace));
  },
};

/** The same ids at each delivery: one that is repeated tells the same spans again. */
function spansOf(
  {
    outcome,
    workflow,
    workflowId,
    sha,
    at,
    phases,
  }: Extract<DeliveredEvent, { outcome: string }> & {
    phases: PhaseTime[];
  },
  runId: string,
  { traceId, runParent }: { traceId: string; runParent: string | null },
): Span[] {
  const spanId = spanOfRun(runId);
  const end = Date.parse(at);
  const starts = phases.map(({ since }) => Date.parse(since));
  const run: Span = {
    traceId,
    spanId,
    parentId: runParent,
    name: `RunWorkflow:${workflow}`,
    kind: 'internal',
    start: Math.min(...starts),
    end,
    attributes: {
      temporalWorkflowID: workflowId,
      temporalRunID: runId,
      'canary.outcome': outcome,
      ...(sha && { 'canary.sha': sha }),
    },
    error: Object.hasOwn(FAILURE_TYPES, outcome) ? outcome : null,
  };
  const ofPhases = phases.map(({ phase, hold, since, until, ms, visits }): Span => {
    const name = hold === undefined ? phase : `${phase}: ${hold}`;
    return {
      ...run,
      spanId: createHash('sha256').update(`${runId} ${name}`).digest('hex').slice(0, 16),
      parentId: spanId,
      name,
      start: Date.parse(since),
      end: until === null ? end : Date.parse(until),
      attributes: { 'canary.phase.visits': visits, 'canary.phase.ms': ms },
      error: null,
    };
  });
  return [run, ...ofPhases];
}
