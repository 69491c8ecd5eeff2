import { WORKFLOWS } from '../../contract/ids.js';

/** Position in a trace: the trace, and the span that what follows is part of (W3C Trace Context). */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  traceId: string;
  /** 16 lower-case hex digits; null at the beginning of a trace. */
  spanId: string | null;
  /** Whether spans of the trace are sent. */
  isSampled: boolean;
}

/** Header of a run or an activity that carries the position, as the OpenTelemetry interceptors of Temporal's SDKs name it: an object of W3C headers. */
export const TRACE_HEADER = '_tracer-data';

/** Content of the header. */
export interface TraceCarrier {
  traceparent: string;
  /** Within a run that has a span of its own: the span that this one is part of. */
  'canary-parent'?: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.{0,200})?$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

/** Parses a `traceparent`, which anyone may have sent.
 * @returns null if it is not one. */
export function parseTraceparent(text: unknown): (TraceContext & { spanId: string }) | null {
  const [, traceId, spanId, flags] = (typeof text === 'string' && TRACEPARENT.exec(text)) || [];
  if (traceId === undefined || spanId === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags ?? '', 16) & 1) === 1 };
}

export const traceparentOf = ({ traceId, isSampled }: TraceContext, spanId: string) =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;

/** Parses the header of an activity: its position, and what the span of its run is part of. */
export function parseCarrier(sent: unknown): (TraceContext & { parent: string | null }) | null {
  const carrier = Object(sent) as Partial<Record<keyof TraceCarrier, unknown>>;
  const context = parseTraceparent(carrier.traceparent);
  const parent = carrier['canary-parent'];
  return context && { ...context, parent: typeof parent === 'string' && SPAN_ID.test(parent) ? parent : null };
}

const hexOf = (runId: string) => runId.replaceAll('-', '').toLowerCase();

/** Trace of a run that was started without one: its run id without the dashes. */
export const traceOfRun = (runId: string): string => hexOf(runId);

/** Span of a run, known to every activity of it without asking: the last 16 digits of the run id. */
export const spanOfRun = (runId: string): string => hexOf(runId).slice(16);

/** Workflows whose runs have a span of their own, told with the event of their end. */
export const hasRunSpan = (workflowType: string): boolean =>
  workflowType === WORKFLOWS.release || workflowType === WORKFLOWS.rollback;

/** What a run hands on to its activities and children; the run may have been started with anything.
 * @returns null if the run was started without a position. */
export function carrierOf(sent: unknown, { workflowType, runId }: { workflowType: string; runId: string }) {
  const context = parseTraceparent((Object(sent) as Partial<TraceCarrier>).traceparent);
  if (context === null) return null;
  const carrier: TraceCarrier = hasRunSpan(workflowType)
    ? { traceparent: traceparentOf(context, spanOfRun(runId)), 'canary-parent': context.spanId }
    : { traceparent: traceparentOf(context, context.spanId) };
  return carrier;
}
