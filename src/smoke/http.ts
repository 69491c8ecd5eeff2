import type { Dispatcher } from 'undici';
import { DeadlineReached, withDeadline } from '../net/deadline.js';

/** A body longer than this is wrong, whatever it says. */
export const MAX_BODY = 1024 * 1024;
/** Small chunks are put together now and then: each may hold on to the whole piece of the socket that it came with. */
const CHUNKS = 256;

export interface Asked {
  method: Dispatcher.HttpMethod;
  /** Path and query; the dispatcher knows one origin and no other. */
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

/** An answer, as much as came of it. */
export interface Told {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  latencyMs: number;
  /** Why `body` is not all of it: `too-large`, `timeout`, or the socket's own code. */
  cut: string | null;
}

/** Nothing came that could be called an answer. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  constructor(
    readonly code: string,
    readonly latencyMs: number,
    cause: unknown,
  ) {
    super(code, { cause });
  }
}

/** Asks once, and follows no redirect: a 3xx is the answer.
 * @throws {Unanswered}; the signal's own reason when it is aborted. */
export async function ask(dispatcher: Dispatcher, asked: Asked, timeoutMs: number, signal: AbortSignal): Promise<Told> {
  const started = performance.now();
  const latencyMs = () => Math.round(performance.now() - started);
  let head: Pick<Told, 'status' | 'headers'> | undefined;
  let chunks: Buffer[] = [];
  const told = (cut: string | null): Told | undefined =>
    head && { ...head, body: Buffer.concat(chunks).subarray(0, MAX_BODY), latencyMs: latencyMs(), cut };
  try {
    const cut = await withDeadline(timeoutMs, signal, async (signal) => {
      const answer = await dispatcher.request({ ...asked, signal });
      head = { status: answer.statusCode, headers: answer.headers };
      let size = 0;
      for await (const chunk of answer.body) {
        size += chunk.length;
        chunks.push(chunk);
        if (chunks.length === CHUNKS) chunks = [Buffer.concat(chunks)];
        if (size > MAX_BODY) return 'too-large';
      }
      return null;
    });
    return told(cut) as Told;
  } catch (error) {
    signal.throwIfAborted();
    const code = codeOf(error);
    const some = told(code);
    if (some) return some;
    throw new Unanswered(code, latencyMs(), error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof DeadlineReached) return 'timeout';
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
