import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { inRequest, type TracedRequest } from '../tracing/requests.js';
import { unlessAborted, withDeadline } from './deadline.js';
import type { Network } from './network.js';
import { openPool } from './pool.js';
import type { TlsMaterial } from './trust.js';
import { explainFailure, type Failure } from './unreachable.js';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
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
  /** How the host is reached. */
  network: Network;
  /** Connections to reuse, of that network; if left out, the request opens one of its own and closes it. */
  dispatcher?: Dispatcher;
  /** What a connection of its own needs besides the usual authorities. */
  tlsFor?: (url: URL) => TlsMaterial | null;
  /** What its span tells of the address. */
  tells?: TracedRequest['tells'];
  /** Called on an open connection, right before bytes go out on it. What it throws passes untouched, and nothing is sent. */
  beforeSend?: () => void;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  latencyMs: number;
}

/** No complete answer came. `code` is `timeout`, `too-large`, `invalid-compression` or the socket's own, e.g. `ECONNREFUSED`. An answer of any status is not an error here. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code: string;
  constructor(
    /** What went wrong, with its fix if one is known. */
    readonly failure: Failure,
    readonly url: string,
    readonly latencyMs: number,
    cause: unknown,
  ) {
    super(`${url}: ${failure.what}`, { cause });
    this.code = failure.code;
  }
}

/** URL as messages may show it: without user, password, query and fragment. */
export function redacted(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** Sends one request and reads its whole answer, decompressed: proxies compress also what must not be. Follows no redirect and tries once.
 * @throws {NoAnswer}; the signal's own reason when it is aborted; what `beforeSend` throws. */
export async function send(given: HttpRequest): Promise<HttpAnswer> {
  if (given.dispatcher) return sendOn(given.dispatcher, given);
  const { network, timeoutMs, tlsFor } = given;
  const pool = openPool({ network, connectMs: timeoutMs, ...(tlsFor && { tlsFor }) });
  try {
    return await sendOn(pool, given);
  } finally {
    await pool.destroy();
  }
}

const sendOn = (dispatcher: Dispatcher, given: HttpRequest): Promise<HttpAnswer> =>
  inRequest(given, () => exchange(dispatcher, given));

async function exchange(dispatcher: Dispatcher, given: HttpRequest): Promise<HttpAnswer> {
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
      // undici heeds the signal only once a connection is open, which a proxy may delay; then it sends nothing.
      const sent = (given.beforeSend ? dispatcher.compose(checkingFirst(check)) : dispatcher).request({
        origin: given.url.origin,
        path: `${given.url.pathname}${given.url.search}`,
        method: given.method,
        headers: given.headers ?? {},
        body: given.body ?? null,
        signal,
        ...(given.silenceMs && { headersTimeout: given.silenceMs, bodyTimeout: given.silenceMs }),
      });
      const answer = await unlessAborted(sent, signal);
      const isError = answer.statusCode >= 300 && given.maxErrorBytes !== undefined;
      const body = await (isError
        ? readSome(answer.body, given.maxErrorBytes ?? 0)
        : readBody(answer.body, given.maxBytes));
      await connectionIsFree();
      given.signal?.throwIfAborted();
      const decoded = decompressed(
        answer.headers,
        body,
        isError ? (given.maxErrorBytes ?? 0) : given.maxBytes,
        isError,
      );
      return { status: answer.statusCode, ...decoded, latencyMs: latencyMs() };
    });
  } catch (error) {
    const vetoed = veto as { reason: unknown } | null;
    if (vetoed) throw vetoed.reason;
    given.signal?.throwIfAborted();
    throw new NoAnswer(await explainFailure(error, given.url, given), redacted(given.url), latencyMs(), error);
  }
}

/** undici offers a connection again one turn of the event loop after its answer: a caller that goes on sooner pays for another one, and its TLS. */
const connectionIsFree = () => new Promise<void>((resolve) => setImmediate(resolve));

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

const DECOMPRESS: Record<string, (body: Buffer, maxOutputLength: number) => Buffer> = {
  gzip: (body, maxOutputLength) => gunzipSync(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: (body, maxOutputLength) => inflateSync(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
  br: (body, maxOutputLength) =>
    brotliDecompressSync(body, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
};

/** Codings that change nothing. S3 keeps the last of them from the upload of an object. */
const AS_IT_IS = ['', 'identity', 'aws-chunked'];

/** Undoes one known `Content-Encoding`; any other stays, and the caller sees the header. The body of an error may be cut, and counts only for its words. */
function decompressed(
  headers: HttpAnswer['headers'],
  body: Buffer,
  maxBytes: number,
  isError: boolean,
): Pick<HttpAnswer, 'headers' | 'body'> {
  const { 'content-encoding': given, ...rest } = headers;
  const codings = String(given ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim().replace(/^x-/, ''))
    .filter((coding) => !AS_IT_IS.includes(coding));
  if (codings.length === 0) return { headers: rest, body };
  const coding = codings.join();
  const undo = Object.hasOwn(DECOMPRESS, coding) ? DECOMPRESS[coding] : undefined;
  if (!undo || body.length === 0) return { headers, body };
  try {
    return { headers: rest, body: undo(body, maxBytes) };
  } catch (error) {
    if (isError) return { headers, body: Buffer.alloc(0) };
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? new TooLarge() : new NotDecompressed();
  }
}

class NotDecompressed extends Error {
  readonly code = 'invalid-compression';
}

class TooLarge extends Error {
  readonly code = 'too-large';
}
