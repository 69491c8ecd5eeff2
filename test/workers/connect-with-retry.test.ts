import { describe, expect, test } from 'vitest';
import { TemporalUnreachable } from '../../src/temporal/connect.js';
import { connectWithRetry } from '../../workers/connect-with-retry.js';

const WAITS = { retryBudgetMs: 300, everyMs: 20 };
const silent = new TemporalUnreachable('Temporal does not answer', true);
const never = new AbortController().signal;

/** Fails with these errors, one after the other, then with the last one, or connects once they are used up. */
function server(...errors: (Error | 'up')[]) {
  let calls = 0;
  return {
    calls: () => calls,
    async connect() {
      const answer = errors[Math.min(calls++, errors.length - 1)];
      if (answer instanceof Error) throw answer;
      return 'connected';
    },
  };
}

describe('a worker that starts beside Temporal', () => {
  test('connects once Temporal is up, and says once why it waits', async () => {
    const said: string[] = [];
    const { connect, calls } = server(silent, silent, new TemporalUnreachable('no database', true), 'up');
    expect(await connectWithRetry(connect, never, (why) => void said.push(why), WAITS)).toBe('connected');
    expect(calls()).toBe(4);
    expect(said).toEqual(['Temporal does not answer', 'no database']);
  });

  test('gives up after its time, with the last reason', async () => {
    const { connect, calls } = server(silent);
    await expect(connectWithRetry(connect, never, () => undefined, WAITS)).rejects.toBe(silent);
    expect(calls()).toBeGreaterThan(3);
  });

  test.each([
    ['credentials that are refused', new TemporalUnreachable('rejects the credentials', false)],
    ['a missing namespace', new Error('there is no namespace')],
  ])('gives up at once for %s', async (_what, error) => {
    const { connect, calls } = server(error);
    await expect(connectWithRetry(connect, never, () => undefined, WAITS)).rejects.toBe(error);
    expect(calls()).toBe(1);
  });

  test.each([
    ['between two attempts', server(silent).connect],
    ['during an attempt that never ends', () => new Promise<string>(() => undefined)],
  ])('stops at a signal %s', async (_what, connect) => {
    const stop = new AbortController();
    const connecting = connectWithRetry(connect, stop.signal, () => undefined, {
      retryBudgetMs: 120_000,
      everyMs: 60_000,
    });
    stop.abort();
    expect(await connecting).toBeNull();
  });
});
