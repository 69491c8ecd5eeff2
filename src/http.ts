import { type Dispatcher, request } from 'undici';
import { DeadlineReached, withDeadline } from './deadline.js';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** For the whole exchange, headers and body, in milliseconds. */
  timeoutMs: number;
  /** An answer's body longer than this fails. */
  maxBytes: number;
  signal?: AbortSignal;
  dispatcher?: Dispatcher;
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

/** Sends one request and reads its whole answer. Follows no redirect and tries once.
 * @throws {NoAnswer}; the signal's own reason when it is aborted. */
export async function send(given: HttpRequest): Promise<HttpAnswer> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  try {
    return await withDeadline(given.timeoutMs, given.signal, async (signal) => {
      const answer = await request(given.url, {
        method: given.method,
        headers: given.headers ?? {},
        body: given.body ?? null,
        signal,
        ...(given.dispatcher && { dispatcher: given.dispatcher }),
      });
      const body = await readBody(answer.body, given.maxBytes);
      return { status: answer.statusCode, headers: answer.headers, body, latencyMs: latencyMs() };
    });
  } catch (error) {
    given.signal?.throwIfAborted();
    throw new NoAnswer(errorCode(error), redacted(given.url), latencyMs(), error);
  }
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

class TooLarge extends Error {
  readonly code = 'too-large';
}

function errorCode(error: unknown): string {
  if (error instanceof DeadlineReached) return 'timeout';
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : String(error);
}
