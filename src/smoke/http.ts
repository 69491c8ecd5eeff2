import type { Dispatcher } from 'undici';
import { DeadlineReached, withDeadline } from '../net/deadline.js';

/** Longest valid body, in bytes. A longer one fails the check, whatever its content. */
export const MAX_BODY = 1024 * 1024;
/** Number of chunks after which they are merged: a small chunk may keep the whole socket buffer that it is a slice of in memory. */
const MERGE_AFTER_CHUNKS = 256;

export interface SmokeRequest {
  method: Dispatcher.HttpMethod;
  /** Path and query; the dispatcher is limited to one origin. */
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

/** Response of a tenant, complete or as far as it arrived. */
export interface SmokeResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  latencyMs: number;
  /** Why `body` is incomplete: `too-large`, `timeout`, or the socket's error code. Null: it is complete. */
  incomplete: string | null;
}

/** No response arrived, or its head was not valid HTTP. `code` is `timeout` or the error code of the socket or of undici. */
export class NoResponse extends Error {
  override readonly name = 'NoResponse';
  constructor(
    readonly code: string,
    readonly latencyMs: number,
    cause: unknown,
  ) {
    super(code, { cause });
  }
}

/** Sends a request once. Follows no redirect: a 3xx is the response.
 * @throws {NoResponse}; the reason of `signal` if it is aborted. */
export async function sendRequest(
  dispatcher: Dispatcher,
  request: SmokeRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SmokeResponse> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  let head: Pick<SmokeResponse, 'status' | 'headers'> | undefined;
  let chunks: Buffer[] = [];
  const responseSoFar = (incomplete: string | null): SmokeResponse | undefined =>
    head && { ...head, body: Buffer.concat(chunks).subarray(0, MAX_BODY), latencyMs: latencyMs(), incomplete };
  try {
    const incomplete = await withDeadline(timeoutMs, signal, async (signal) => {
      const response = await dispatcher.request({ ...request, signal });
      head = { status: response.statusCode, headers: response.headers };
      let size = 0;
      for await (const chunk of response.body) {
        size += chunk.length;
        chunks.push(chunk);
        if (chunks.length === MERGE_AFTER_CHUNKS) chunks = [Buffer.concat(chunks)];
        if (size > MAX_BODY) return 'too-large';
      }
      return null;
    });
    return responseSoFar(incomplete) as SmokeResponse;
  } catch (error) {
    signal.throwIfAborted();
    const code = errorCode(error);
    const partial = responseSoFar(code);
    if (partial) return partial;
    throw new NoResponse(code, latencyMs(), error);
  }
}

function errorCode(error: unknown): string {
  if (error instanceof DeadlineReached) return 'timeout';
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
