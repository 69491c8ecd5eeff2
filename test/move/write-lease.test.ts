import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createWriteLease, type LeaseAnswer, LeaseExpired, MoveRefusal } from '../../src/move/write-lease.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'], now: Date.parse('2026-11-25T12:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

const WINDOW_MS = 2_000;
type Given = Parameters<typeof createWriteLease>[0];

/** A lease, and what it asked. */
function leaseOf(change: Partial<Given> = {}, answers: (LeaseAnswer | (() => LeaseAnswer))[] = []) {
  const asked: [begun: boolean, digest: string | null | undefined][] = [];
  const looked: boolean[] = [];
  let began = 0;
  const lease = createWriteLease({
    windowMs: WINDOW_MS,
    begun: false,
    look: async (begun) => {
      looked.push(begun);
      return [{ repository: 'registry.example/platform' as never, digest: `read ${looked.length}` as never }];
    },
    ask: async (begun, latest) => {
      asked.push([begun, latest[0]?.digest]);
      const answer = answers.shift() ?? 'granted';
      return typeof answer === 'function' ? answer() : answer;
    },
    pollMs: 1,
    onBegin: () => {
      began += 1;
    },
    ...change,
  });
  return { lease, asked, looked, began: () => began };
}
const aged = (ms: number, answer: LeaseAnswer) => () => {
  vi.advanceTimersByTime(ms);
  return answer;
};

describe('a write lease', () => {
  test('is needed for each write, and lives for its window', async () => {
    const { lease, asked } = leaseOf();
    expect(() => lease.assert()).toThrow(LeaseExpired);
    await lease.refresh();
    vi.advanceTimersByTime(WINDOW_MS - 1);
    lease.assert();
    await lease.refresh();
    expect(asked).toEqual([[false, 'read 1']]);
    vi.advanceTimersByTime(1);
    expect(() => lease.assert()).toThrow('write lease expired');
    await lease.refresh();
    lease.assert();
    expect(asked).toEqual([
      [false, 'read 1'],
      [true, 'read 2'],
    ]);
  });

  test('is requested once for all writes that wait, and again after a request that failed', async () => {
    const { lease, asked } = leaseOf({}, [
      () => {
        throw new MoveRefusal('not-holder', 'not you');
      },
    ]);
    const waiting = await Promise.allSettled([lease.refresh(), lease.refresh()]);
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(asked).toHaveLength(1);
    await Promise.all([lease.refresh(), lease.refresh()]);
    expect(asked).toHaveLength(2);
    lease.assert();
  });

  test.each<[string, LeaseAnswer, boolean]>([
    ['counts from before its request: a slow answer is too old to write', 'granted', false],
    ['counts from now if the lane did not answer', 'lane-unavailable', true],
  ])('%s', async (_what, answer, isFresh) => {
    const { lease } = leaseOf({}, [aged(WINDOW_MS, answer)]);
    await lease.refresh();
    if (isFresh) lease.assert();
    else expect(() => lease.assert()).toThrow(LeaseExpired);
  });

  test('does not count from before the reads: a slow registry gets its write', async () => {
    const look = async () => {
      vi.advanceTimersByTime(WINDOW_MS);
      return [];
    };
    const { lease } = leaseOf({ look });
    await lease.refresh();
    lease.assert();
  });

  test.each([-WINDOW_MS, WINDOW_MS])('is too old if the wall clock was set by %i ms', async (ms) => {
    const { lease } = leaseOf();
    await lease.refresh();
    vi.setSystemTime(Date.now() + ms);
    expect(() => lease.assert()).toThrow(LeaseExpired);
  });

  test('is requested again with new reads while the answer is retry', async () => {
    const { lease, asked } = leaseOf({}, ['retry', 'retry']);
    await lease.refresh();
    expect(asked.map(([, digest]) => digest)).toEqual(['read 1', 'read 2', 'read 3']);
    lease.assert();
  });
});

describe('a cancellation', () => {
  test('ends the requests and the write before the first one, and nothing begins', async () => {
    const { signal } = { signal: AbortSignal.abort(new Error('cancelled')) };
    const { lease, asked, began } = leaseOf({ signal }, ['granted', 'retry']);
    await lease.refresh();
    expect(() => lease.assert()).toThrow('cancelled');
    vi.advanceTimersByTime(WINDOW_MS);
    await expect(lease.refresh()).rejects.toThrow('cancelled');
    expect([asked.length, began()]).toEqual([2, 0]);
  });

  test('counts no longer once a write has begun', async () => {
    const cancelled = new AbortController();
    const { lease, looked, began } = leaseOf({ signal: cancelled.signal }, ['granted', 'retry']);
    await lease.refresh();
    lease.assert();
    cancelled.abort(new Error('cancelled'));
    lease.assert();
    vi.advanceTimersByTime(WINDOW_MS);
    await lease.refresh();
    lease.assert();
    expect([looked, began()]).toEqual([[false, true, true], 1]);
  });

  test('does not count for an attempt after one that has begun', async () => {
    const { lease, asked, began } = leaseOf({ begun: true, signal: AbortSignal.abort(new Error('cancelled')) });
    await lease.refresh();
    lease.assert();
    expect([asked, began()]).toEqual([[[true, 'read 1']], 0]);
  });
});

test('a request before the first write waits for its place, and its lease does not age meanwhile; later ones do not wait', async () => {
  let places = 0;
  const paced: NonNullable<Given['paced']> = async (request) => {
    places += 1;
    vi.advanceTimersByTime(WINDOW_MS);
    await turn();
    return request();
  };
  const { lease } = leaseOf({ paced });
  await lease.refresh();
  lease.assert();
  vi.advanceTimersByTime(WINDOW_MS);
  await lease.refresh();
  lease.assert();
  expect(places).toBe(1);
});
