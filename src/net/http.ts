import { Agent, type Dispatcher, getGlobalDispatcher, request } from 'undici';
import { DeadlineReached, withDeadline } from './deadline.js';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** For the whole exchange, headers and body, in milliseconds. */
  timeoutMs: number;
  /** Until the headers are there, and between two pieces of the body, in milliseconds; when left out, `timeoutMs` alone counts. */
  silenceMs?: number;
  /** An answer's body longer than this fails. */
  maxBytes: number;
  /** Of an error's body (status 300 and more) this much is read, whatever follows; when left out, `maxBytes` counts for it too. */
  maxErrorBytes?: number;
  signal?: AbortSignal;
  dispatcher?: Dispatcher;
  /** Called on a connection that stands, right before bytes go out on it. What it throws passes untouched, and nothing is sent. */
  beforeSend?: () => void;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  latencyMs: number;
}

/** No whole answer came: `code` says why (`timeout`, `too-large`, or the socket's own, e.g. `ECONNREFUSED`). An answer of any status is none of these. */
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

/** The URL as it may stand in a message: without user, password, query and fragment. */
export function redacted(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** A pool of connections of its own, to be closed by who opened it. */
export function openPool(connectMs: number): Agent {
  return new Agent({ connect: { timeout: connectMs }, connections: MAX_CONNECTIONS });
}

/** To one origin: the children of a large index are no flood. */
const MAX_CONNECTIONS = 16;

/** Sends one request and reads its whole answer. Follows no redirect, inflates nothing and tries once.
 * @throws {NoAnswer}; the signal's own reason when it is aborted; what `beforeSend` throws. */
export async function send(given: HttpRequest): Promise<HttpAnswer> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  const dispatcher = given.dispatcher ?? getGlobalDispatcher();
  let veto: { reason: unknown } | null = null;
  const ask = () => {
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
        dispatcher: given.beforeSend ? dispatcher.compose(askingFirst(ask)) : dispatcher,
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

/** undici starts a request when its connection stands and its turn has come; a start that throws ends it before its first byte. */
function askingFirst(ask: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        ask();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...told) => handler.onRequestUpgrade?.(...told),
      onResponseStart: (...told) => handler.onResponseStart?.(...told),
      onResponseData: (...told) => handler.onResponseData?.(...told),
      onResponseEnd: (...told) => handler.onResponseEnd?.(...told),
      onResponseError: (...told) => handler.onResponseError?.(...told),
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

/** The start of a body. One that breaks off or never ends must not hide the status that came before it. */
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
    // What came is enough.
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
