import { Agent, type Dispatcher, request } from 'undici';
import { DeadlineReached, withDeadline } from './deadline.js';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** For the whole exchange, headers and body, in milliseconds. */
  timeoutMs: number;
  /** Until the headers arrive, and between two pieces of the body, in milliseconds; if left out, `timeoutMs` alone counts. */
  silenceMs?: number;
  /** A longer body fails, in bytes. */
  maxBytes: number;
  /** Bytes read of an error's body (status 300 and more), whatever follows; if left out, `maxBytes` counts for it too. */
  maxErrorBytes?: number;
  signal?: AbortSignal;
  /** Connections to reuse; if left out, the request opens one of its own and closes it. */
  dispatcher?: Dispatcher;
  /** Called on an open connection, right before bytes go out on it. What it throws passes untouched, and nothing is sent. */
  beforeSend?: () => void;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  latencyMs: number;
}

/** No complete answer came. `code` is `timeout`, `too-large` or the socket's own, e.g. `ECONNREFUSED`. An answer of any status is not an error here. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  constructor(
    readonly code: string,
    readonly url: string,
    readonly latencyMs: number,
    cause: unknown,
  ) {
    super(`${url}: ${code}`, { cause });
  }
}

/** URL as messages may show it: without user, password, query and fragment. */
export function redacted(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** Connections to one origin: a large index has many children, and its registry gets no more than this at once. */
const MAX_CONNECTIONS = 16;

/**
 * A pool of connections; the caller closes it. Never Node's own global dispatcher: it belongs to the undici inside Node,
 * whose handlers differ from those of the package from Node 26 on (`UND_ERR_INVALID_ARG`).
 * @param connectMs until a connection is open, in milliseconds.
 */
export function openPool(connectMs: number): Agent {
  return new Agent({ connect: { timeout: connectMs }, connections: MAX_CONNECTIONS });
}

/** Sends one request and reads its whole answer. Follows no redirect, inflates nothing and tries once.
 * @throws {NoAnswer}; the signal's own reason when it is aborted; what `beforeSend` throws. */
export async function send(given: HttpRequest): Promise<HttpAnswer> {
  if (given.dispatcher) return sendOn(given.dispatcher, given);
  const pool = openPool(given.timeoutMs);
  try {
    return await sendOn(pool, given);
  } finally {
    await pool.destroy();
  }
}

async function sendOn(dispatcher: Dispatcher, given: HttpRequest): Promise<HttpAnswer> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  let veto: { reason: unknown } | null = null;
  const check = () => {
    try {
      given.beforeSend?.();
    } catch (reason) {
      veto = { reason };
      throw reason;
    }
  };
  try {
    return await withDeadline(given.timeoutMs, given.signal, async (signal) => {
      const answer = await request(given.url, {
        method: given.method,
        headers: given.headers ?? {},
        body: given.body ?? null,
        signal,
        ...(given.silenceMs && { headersTimeout: given.silenceMs, bodyTimeout: given.silenceMs }),
        dispatcher: given.beforeSend ? dispatcher.compose(checkingFirst(check)) : dispatcher,
      });
      const isError = answer.statusCode >= 300 && given.maxErrorBytes !== undefined;
      const body = await (isError
        ? readSome(answer.body, given.maxErrorBytes ?? 0)
        : readBody(answer.body, given.maxBytes));
      given.signal?.throwIfAborted();
      return { status: answer.statusCode, headers: answer.headers, body, latencyMs: latencyMs() };
    });
  } catch (error) {
    const vetoed = veto as { reason: unknown } | null;
    if (vetoed) throw vetoed.reason;
    given.signal?.throwIfAborted();
    throw new NoAnswer(errorCode(error), redacted(given.url), latencyMs(), error);
  }
}

/** undici starts a request once its connection is open and free; a start that throws ends it before its first byte. */
function checkingFirst(check: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        check();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

async function readBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Start of a body. A body that breaks off or never ends must not hide the status that came before it. */
async function readSome(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      chunks.push(chunk);
      if (size >= maxBytes) break;
    }
  } catch {
    // The start of an error's body is enough.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

class TooLarge extends Error {
  readonly code = 'too-large';
}

const TIMEOUTS = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

function errorCode(error: unknown): string {
  if (error instanceof DeadlineReached) return 'timeout';
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return String(error);
  return TIMEOUTS.includes(code) ? 'timeout' : code;
}
