import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { TraceContext } from '../domain/payloads/trace.js';

/** A span that has ended: names, numbers and addresses, never what was sent, answered or said. */
export interface Span {
  traceId: string;
  spanId: string;
  parentId: string | null;
  name: string;
  kind: 'internal' | 'client';
  /** Epoch, in milliseconds. */
  start: number;
  end: number;
  attributes: Record<string, string | number>;
  /** Type of the failure; null without one. */
  error: string | null;
}

/** Where ended spans go. */
export type SpanSink = (span: Span) => void;

interface Active {
  sink: SpanSink;
  traceId: string;
  /** Span that new ones are part of; null at the beginning of the trace. */
  spanId: string | null;
  /** Span that the span of the run is part of, in its activities. */
  runParent: string | null;
  /** If not, the position is handed on, and no span is told. */
  isSampled: boolean;
}

/** What the code that runs now is part of. It is empty unless traces are sent, and then each call costs nothing. */
const storage = new AsyncLocalStorage<Active | null>();

/** Attributes that a span gets while it runs. */
export type Note = (attributes: Span['attributes']) => void;

export interface NewSpan {
  name: string;
  kind?: Span['kind'];
  attributes?: () => Span['attributes'];
}

const newSpanId = () => randomBytes(8).toString('hex');
/** A trace that begins here. */
export const newTrace = (): TraceContext => ({
  traceId: randomBytes(16).toString('hex'),
  spanId: null,
  isSampled: true,
});

/** Position of the code that runs now; null if it is not traced. */
export function activeTrace(): TraceContext | null {
  const active = storage.getStore();
  return active ? { traceId: active.traceId, spanId: active.spanId, isSampled: active.isSampled } : null;
}

/** Runs `run` in a span of a trace that comes from elsewhere. */
export function inTrace<T>(
  sink: SpanSink,
  { traceId, spanId, isSampled, parent = null }: TraceContext & { parent?: string | null },
  span: NewSpan,
  run: () => Promise<T>,
): Promise<T> {
  return storage.run({ sink, traceId, spanId, runParent: parent, isSampled }, () => inSpan(span, run));
}

/** Runs `run` in a span, if the caller is traced. */
export async function inSpan<T>(span: NewSpan, run: (note: Note) => Promise<T>): Promise<T> {
  const active = storage.getStore();
  if (!active?.isSampled) return run(() => undefined);
  const { name, kind = 'internal' } = span;
  const ended = { name, kind, traceId: active.traceId, spanId: newSpanId(), parentId: active.spanId };
  const attributes = { ...span.attributes?.() };
  const start = Date.now();
  const end = (error: string | null) => active.sink({ ...ended, start, end: Date.now(), attributes, error });
  return storage.run({ ...active, spanId: ended.spanId }, async () => {
    try {
      const result = await run((more) => Object.assign(attributes, more));
      end(null);
      return result;
    } catch (error) {
      end(errorType(error));
      throw error;
    }
  });
}

/** Runs `run` outside of any span, as what sends spans. */
export const untraced = <T>(run: () => T): T => storage.run(null, run);

/** Adds spans that ended elsewhere to the trace of the caller: what a run tells of itself. */
export function addSpans(make: (trace: { traceId: string; runParent: string | null }) => Span[]): void {
  const active = storage.getStore();
  if (active?.isSampled) for (const span of make(active)) active.sink(span);
}

/** Type of an error, and never its text: that may be a tenant's. */
function errorType(error: unknown): string {
  const { type, code, name } = Object(error) as { type?: unknown; code?: unknown; name?: unknown };
  return String([type, code, name].find((one) => typeof one === 'string' && one !== '') ?? 'error').slice(0, 100);
}
