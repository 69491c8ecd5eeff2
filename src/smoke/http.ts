import type { Dispatcher } from 'undici';
import { unlessAborted, withDeadline } from '../net/deadline.js';
import type { Network } from '../net/network.js';
import { explainFailure, type Failure } from '../net/unreachable.js';
import { inRequest } from '../tracing/requests.js';
import { type Redirect, redirectOf } from './answer/edge.js';

/** Longest valid body, in bytes. A longer one fails the check, whatever its content. */
export const MAX_BODY = 1024 * 1024;
/** Number of chunks after which they are merged: a small chunk may keep the whole socket buffer that it is a slice of in memory. */
const MERGE_AFTER_CHUNKS = 256;

export interface SmokeRequest {
  method: Dispatcher.HttpMethod;
  /** Origin of the tenant; the dispatcher is limited to it. */
  origin: string;
  /** Path and query. */
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
  /** Null if it redirects to nothing. */
  redirect: Redirect | null;
  /** Why `body` is incomplete: `too-large`, `timeout`, or the socket's error code. Null: it is complete. */
  incomplete: string | null;
}

/** No response arrived, or its head was not valid HTTP. */
export class NoResponse extends Error {
  override readonly name = 'NoResponse';
  constructor(
    readonly failure: Failure,
    readonly latencyMs: number,
    cause: unknown,
  ) {
    super(failure.what, { cause });
  }
}

/** Sends a request once. Follows no redirect: a 3xx is the response.
 * @throws {NoResponse}; the reason of `signal` if it is aborted. */
export const sendRequest = (
  dispatcher: Dispatcher,
  request: SmokeRequest,
  limits: { timeoutMs: number; network: Network },
  signal: AbortSignal,
): Promise<SmokeResponse> =>
  // Its path is a suite's, which may put a value into it.
  inRequest({ method: request.method, url: new URL(request.origin) }, () =>
    exchange(dispatcher, request, limits, signal),
  );

async function exchange(
  dispatcher: Dispatcher,
  request: SmokeRequest,
  { timeoutMs, network }: { timeoutMs: number; network: Network },
  signal: AbortSignal,
): Promise<SmokeResponse> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  let head: Pick<SmokeResponse, 'status' | 'headers' | 'redirect'> | undefined;
  let chunks: Buffer[] = [];
  const responseSoFar = (incomplete: string | null): SmokeResponse | undefined =>
    head && { ...head, body: Buffer.concat(chunks).subarray(0, MAX_BODY), latencyMs: latencyMs(), incomplete };
  try {
    const incomplete = await withDeadline(timeoutMs, signal, async (signal) => {
      const response = await unlessAborted(dispatcher.request({ ...request, signal }), signal);
      const { statusCode: status, headers } = response;
      head = { status, headers, redirect: redirectOf(status, headers, new URL(request.path, request.origin)) };
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
    const failure = await explainFailure(error, new URL(request.origin), { network });
    const partial = responseSoFar(failure.code);
    if (partial) return partial;
    throw new NoResponse(failure, latencyMs(), error);
  }
}
