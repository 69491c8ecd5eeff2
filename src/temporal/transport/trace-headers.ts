import type { WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import { TRACE_HEADER, type TraceCarrier, traceparentOf } from '../../domain/payloads/trace.js';
import { activeTrace, inSpan } from '../../tracing/spans.js';

/** Hands the position of the caller on to the runs that it starts; nothing if it is not traced. */
export const traceStarts: WorkflowClientInterceptor = {
  start: (input, next) =>
    inSpan({ name: `StartWorkflow:${input.workflowType}` }, () =>
      next({ ...input, headers: { ...input.headers, ...headersNow() } }),
    ),
};

function headersNow(): Headers {
  const trace = activeTrace();
  if (trace === null || trace.spanId === null) return {};
  const carrier: TraceCarrier = { traceparent: traceparentOf(trace, trace.spanId) };
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}
