import { NoAnswer, send } from '../net/http.js';
import type { Network } from '../net/network.js';
import { type Span, type SpanSink, untraced } from '../tracing/spans.js';
import type { TraceSettings } from './settings.js';

/** As the specification of OpenTelemetry recommends for a batch. */
const BATCH = {
  /** Longest wait of a span, in milliseconds. */
  delayMs: 5_000,
  spans: 512,
  /** Most spans that wait; later ones are lost. */
  waiting: 2_048,
};
/** For one request, in milliseconds. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 100_000;

export interface Exporter {
  sink: SpanSink;
  /** Sends what waits, once more; afterwards nothing is kept. */
  close(): Promise<void>;
}

/** How many spans were lost, and why. */
export type Lost = (spans: number, why: string) => void;

/** Sends spans in batches as OTLP over HTTP, in JSON. One that cannot be sent is lost: traces never delay or change a release. */
export function startExporter(settings: TraceSettings, network: Network, lost: Lost, batch = BATCH): Exporter {
  const waiting: Span[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | null = null;

  /** One request at a time: while a collector hangs, spans wait, and what is too many is lost. */
  const drain = async () => {
    for (;;) {
      if (dropped > 0) lost(dropped, 'more spans than can be sent');
      dropped = 0;
      const spans = waiting.splice(0, batch.spans);
      if (spans.length === 0) return;
      await sendBatch(spans);
    }
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    sending ??= drain().finally(() => {
      sending = null;
    });
    return sending;
  };
  const sendBatch = async (spans: Span[]) => {
    const why = await untraced(() => post(settings, network, bodyOf(settings, spans)));
    if (why !== null) lost(spans.length, why);
  };
  return {
    sink(span) {
      if (waiting.length >= batch.waiting) {
        dropped += 1;
        return;
      }
      waiting.push(span);
      if (waiting.length >= batch.spans) void flush();
      else timer ??= untraced(() => setTimeout(() => void flush(), batch.delayMs).unref());
    },
    close: flush,
  };
}

/** Posts a batch. @returns why it was not taken, without the address; null if it was. */
async function post({ url, headers }: TraceSettings, network: Network, body: string): Promise<string | null> {
  try {
    const { status } = await send({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      network,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      maxErrorBytes: 1_000,
    });
    return status >= 200 && status < 300 ? null : `answered ${status}`;
  } catch (error) {
    return error instanceof NoAnswer ? `no answer (${error.code})` : 'no request was sent';
  }
}

const KINDS = { internal: 1, client: 3 } as const;
const ERROR = 2;

/** Export request in the JSON of OTLP 1.x: ids in hex, times as decimal text. */
function bodyOf({ resource }: TraceSettings, spans: Span[]): string {
  const scope = { name: 'canary-release-gate' };
  const resourceSpans = [
    { resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope, spans: spans.map(encoded) }] },
  ];
  return JSON.stringify({ resourceSpans });
}

const encoded = ({ traceId, spanId, parentId, name, kind, start, end, attributes, error }: Span) => ({
  traceId,
  spanId,
  ...(parentId && { parentSpanId: parentId }),
  name,
  kind: KINDS[kind],
  startTimeUnixNano: `${start}000000`,
  endTimeUnixNano: `${Math.max(start, end)}000000`,
  attributes: attributesOf({ ...attributes, ...(error && { 'error.type': error }) }),
  status: error === null ? {} : { code: ERROR },
});

const attributesOf = (attributes: Record<string, string | number>) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(Math.round(value)) },
  }));
