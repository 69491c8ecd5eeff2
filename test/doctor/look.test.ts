import { expect, test } from 'vitest';
import { runCheck } from '../../src/doctor/look.js';

const WORKERS = { area: 'workers', name: 'workers', fix: 'look' } as const;

test('what never answers is given up, and is a finding', async () => {
  const never = () => new Promise<never>(() => undefined);
  expect(await runCheck(WORKERS, new AbortController().signal, never, 20)).toEqual([
    { area: 'workers', level: 'stops', what: 'workers: no answer within 20ms', fix: 'look' },
  ]);
});

test('what is thrown is a finding of one line', async () => {
  const broken = () => Promise.reject(new Error('broken\nin two lines'));
  expect(await runCheck(WORKERS, new AbortController().signal, broken)).toEqual([
    { area: 'workers', level: 'stops', what: 'workers: broken', fix: 'look' },
  ]);
});

test('an interruption is no finding: it ends the look', async () => {
  const controller = new AbortController();
  const looked = runCheck(WORKERS, controller.signal, () => new Promise<never>(() => undefined));
  controller.abort(new Error('Ctrl-C'));
  await expect(looked).rejects.toThrow('Ctrl-C');
});
