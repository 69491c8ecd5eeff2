import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineReached, withDeadline } from '../../net/deadline.js';
import type { RegistryWaits } from '../context.js';
import { RegistryError } from './errors.js';

const TRIES = 3;

/**
 * Tries again what asking again may help, a few times within `totalMs`: a longer wait is for those who can wait without holding a socket.
 * @throws {RegistryError}, the last; the signal's own reason when it is aborted.
 */
export function retrying<T>(
  { totalMs, retryMs }: RegistryWaits,
  signal: AbortSignal | undefined,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + totalMs;
  let last: RegistryError | undefined;
  return within(
    totalMs,
    signal,
    what,
    () => last,
    async (inner) => {
      for (let tries = 1; ; tries++) {
        try {
          return await run(inner);
        } catch (error) {
          if (!(error instanceof RegistryError) || error.kind !== 'transient' || tries === TRIES) throw error;
          last = error;
        }
        // Full jitter, so that those who failed together do not come back together.
        const jitter = Math.random() * retryMs * 3 ** (tries - 1);
        const pause = Math.max(last.retryAfterMs ?? 0, jitter);
        if (performance.now() + pause >= deadline) throw last;
        await delay(pause, undefined, { signal: inner }).catch(() => inner.throwIfAborted());
      }
    },
  );
}

/** Runs with a deadline that ends in an error of ours: what went wrong last, or that nothing came.
 * @throws the signal's own reason when it is aborted. */
export async function within<T>(
  ms: number,
  signal: AbortSignal | undefined,
  what: string,
  last: () => RegistryError | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withDeadline(ms, signal, run);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof DeadlineReached)) throw error;
    throw (
      last() ?? new RegistryError('transient', `${what}: nothing within ${ms} ms`, { code: 'timeout', cause: error })
    );
  }
}
