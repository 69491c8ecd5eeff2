import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { hasRunSpan, parseCarrier, spanOfRun, TRACE_HEADER, traceOfRun } from '../src/domain/payloads/trace.js';
import { inTrace, type SpanSink } from '../src/tracing/spans.js';

/** Runs each activity in a span of the trace of its run. */
export const tracedActivities =
  (sink: SpanSink): ActivityInterceptorsFactory =>
  ({ info }) => ({
    inbound: {
      execute: (input, next) => {
        const { workflowExecution, workflowType = '', activityType, activityId, attempt } = info;
        const { workflowId = '', runId = '' } = workflowExecution ?? {};
        const trace = carried(input.headers) ?? {
          traceId: traceOfRun(runId),
          spanId: hasRunSpan(workflowType) ? spanOfRun(runId) : null,
          isSampled: true,
        };
        const attributes = () => ({
          temporalWorkflowID: workflowId,
          temporalRunID: runId,
          temporalActivityID: activityId,
          'temporal.activity.attempt': attempt,
        });
        return inTrace(sink, trace, { name: `RunActivity:${activityType}`, attributes }, () => next(input));
      },
    },
  });

/** A header may be anything. */
function carried(headers: Headers): ReturnType<typeof parseCarrier> {
  const payload = headers[TRACE_HEADER];
  try {
    return payload ? parseCarrier(defaultPayloadConverter.fromPayload(payload)) : null;
  } catch {
    return null;
  }
}
