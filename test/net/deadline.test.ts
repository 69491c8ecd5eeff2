import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { DeadlineReached, withDeadline } from '../../src/net/deadline.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const hang = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('withDeadline', () => {
  test('a deadline fires after a garbage collection', async () => {
    const ends = Promise.allSettled([withDeadline(300, new AbortController().signal, hang)]);
    const lost = Promise.race([ends, delay(5_000, 'the deadline never came')]);
    for (let round = 0; round < 5; round += 1) {
      await delay(20);
      collectGarbage();
    }
    expect(await lost).toMatchObject([{ status: 'rejected', reason: expect.any(DeadlineReached) }]);
  });

  test('the reason of an aborted parent comes first', async () => {
    const parent = new AbortController();
    const run = withDeadline(60_000, parent.signal, hang);
    parent.abort(new Error('cancelled'));
    await expect(run).rejects.toThrow('cancelled');
    await expect(withDeadline(60_000, parent.signal, hang)).rejects.toThrow('cancelled');
  });

  test('the timer ends with the work', async () => {
    expect(await withDeadline(60_000, undefined, async () => 'done')).toBe('done');
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(5);
  });
});

test('hundreds of requests share one signal without a leak warning of Node', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on('warning', note);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 50 }, () => withDeadline(1_000, signal, () => setImmediate())));
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
