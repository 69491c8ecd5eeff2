import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineReached, withDeadline } from '../../net/deadline.js';
import type { RegistryWaits } from '../context.js';
import { RegistryError } from './errors.js';

const ATTEMPTS = 3;

/** What bounds a request, and what its time-out is called. */
export interface Deadline {
  /** Time limit, in milliseconds. */
  ms: number;
  signal: AbortSignal | undefined;
  /** Start of the time-out's message, e.g. `PUT ghcr.io/app/web:latest`. */
  what: string;
  /** Error to end with instead of the time-out: that of the last attempt. */
  lastError?: () => RegistryError | undefined;
}

/**
 * Repeats what ends in a transient error, up to three attempts within `totalMs`. Longer waits belong to the caller, who can
 * wait without holding a socket.
 * @throws {RegistryError}, the last; the signal's own reason if it is aborted.
 */
export function retrying<T>(
  { totalMs, retryMs }: RegistryWaits,
  signal: AbortSignal | undefined,
  what: string,
  run: (signal: AbortSignal, isLast: boolean) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + totalMs;
  let last: RegistryError | undefined;
  return within({ ms: totalMs, signal, what, lastError: () => last }, async (inner) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(inner, attempt === ATTEMPTS);
      } catch (error) {
        if (!(error instanceof RegistryError) || error.kind !== 'transient' || attempt === ATTEMPTS) throw error;
        last = error;
      }
      // Full jitter, so that clients that failed together do not return together.
      const jitter = Math.random() * retryMs * 3 ** (attempt - 1);
      const pause = Math.max(last.retryAfterMs ?? 0, jitter);
      if (performance.now() + pause >= deadline) throw last;
      await delay(pause, undefined, { signal: inner }).catch(() => inner.throwIfAborted());
    }
  });
}

/** Runs within a time limit that ends in a `RegistryError`.
 * @throws the signal's own reason if it is aborted. */
export async function within<T>(
  { ms, signal, what, lastError }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withDeadline(ms, signal, run);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof DeadlineReached)) throw error;
    const timeout = () =>
      new RegistryError('transient', `${what}: no answer within ${ms} ms`, { code: 'timeout', cause: error });
    throw lastError?.() ?? timeout();
  }
}
