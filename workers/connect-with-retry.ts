import { setTimeout as delay } from 'node:timers/promises';
import { TemporalUnreachable } from '../src/temporal/connect.js';

const WAITS = {
  /** How long a worker tries to connect, in milliseconds: Temporal may be starting beside it. */
  retryBudgetMs: 60_000,
  everyMs: 2_000,
};

/**
 * Connects, and tries again for a minute while nothing is wrong but that Temporal does not answer yet. Null if `signal` is aborted first.
 * @param say is told why it waits, once for each reason. @throws what no waiting changes, and the last reason.
 */
export async function connectWithRetry<T>(
  connect: () => Promise<T>,
  signal: AbortSignal,
  say: (why: string) => void,
  { retryBudgetMs, everyMs } = WAITS,
): Promise<T | null> {
  const until = performance.now() + retryBudgetMs;
  const stopped = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  for (let said = ''; ; ) {
    try {
      return await Promise.race([connect(), stopped]);
    } catch (error) {
      const passes = error instanceof TemporalUnreachable && error.passes;
      if (!passes || performance.now() + everyMs > until) throw error;
      if (error.message !== said) say(error.message);
      said = error.message;
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return null;
    }
  }
}
