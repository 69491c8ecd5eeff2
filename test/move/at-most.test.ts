import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { atMost } from '../../src/move/at-most.js';
import { moveTags } from '../../src/move/move-tags.js';
import type { MoveAuthorizer } from '../../src/move/write-lease.js';
import { allowAll, order, usePair } from '../support/pair.js';
import { until } from '../support/until.js';

/** Work that ends when the test says so. */
function work() {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const one = (index: number) => () =>
    new Promise<void>((resolve) => {
      begun.push(index);
      ends[index] = resolve;
    });
  return { begun, one, end: (index: number) => ends[index]?.() };
}

describe('at most two at a time', () => {
  test('run, and the others in the order in which they asked', async () => {
    const limited = atMost(2, 60_000);
    const { begun, one, end } = work();
    const all = [0, 1, 2, 3].map((index) => limited(one(index)));
    await turn();
    expect(begun).toEqual([0, 1]);
    end(1);
    await all[1];
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    end(0);
    end(2);
    await until('the last one begins', () => begun.length === 4);
    end(3);
    await Promise.all(all);
  });

  test('run, also after one that failed', async () => {
    const limited = atMost(1, 60_000);
    await expect(
      limited(async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await limited(async () => 'yes')).toBe('yes');
  });

  test('do not stop the others for longer than these wait', async () => {
    const limited = atMost(1, 50);
    const { begun, one, end } = work();
    const all = [0, 1].map((index) => limited(one(index)));
    await until('the second one begins', () => begun.length === 2);
    end(0);
    end(1);
    await Promise.all(all);
  });
});

describe('one that waits', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('too long runs beside the others, and the next one waits until there is a place, or for as long', async () => {
    const limited = atMost(1, 1_000);
    const { begun, one, end } = work();
    const first = limited(one(0));
    const second = limited(one(1));
    vi.advanceTimersByTime(500);
    const third = limited(one(2));
    vi.advanceTimersByTime(500);
    await turn();
    expect(begun).toEqual([0, 1]);
    end(1);
    await second;
    await turn();
    expect(begun).toEqual([0, 1]);
    end(0);
    await first;
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    end(2);
    await third;
  });

  test('while others end keeps its place in the order, however long it takes, and runs once none has ended for so long', async () => {
    const limited = atMost(1, 1_000);
    const { begun, one, end } = work();
    const all = [0, 1, 2].map((index) => limited(one(index)));
    vi.advanceTimersByTime(900);
    end(0);
    await all[0];
    await turn();
    // The third one has waited for 1.8 s, and 0.9 s since one ended.
    vi.advanceTimersByTime(900);
    await turn();
    expect(begun).toEqual([0, 1]);
    vi.advanceTimersByTime(100);
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    end(1);
    end(2);
    await Promise.all(all);
  });
});

describe('write leases', () => {
  usePair();

  test('of promotions are requested for 32 at a time; a rollback, and a pair that has begun, do not wait', async () => {
    let [asked, most] = [0, 0];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow: MoveAuthorizer = {
      ...allowAll,
      async authorize() {
        asked += 1;
        most = Math.max(most, asked);
        await gate;
        asked -= 1;
        return 'granted';
      },
    };
    const promotions = Array.from({ length: 34 }, () => moveTags(order({ authorizer: slow })));
    await until('32 have asked', () => asked === 32);
    const move = order();
    const back = await moveTags({ ...move, input: { ...move.input, kind: 'rollback' } });
    expect(back.every(({ result }) => result !== 'failed')).toBe(true);
    expect((await moveTags(order({ begun: true }))).length).toBe(2);
    open();
    await Promise.all(promotions);
    expect(most).toBe(32);
  });
});
