import { expect, test } from 'vitest';
import { look } from '../../src/doctor/look.js';

const WORKERS = { area: 'workers', name: 'workers', mend: 'look' } as const;

test('what never answers is given up, and is a finding', async () => {
  const never = () => new Promise<never>(() => undefined);
  expect(await look(WORKERS, new AbortController().signal, never, 20)).toEqual([
    { area: 'workers', level: 'stops', what: 'workers: no answer within 20ms', mend: 'look' },
  ]);
});

test('what is thrown is a finding of one line', async () => {
  const broken = () => Promise.reject(new Error('broken\nin two lines'));
  expect(await look(WORKERS, new AbortController().signal, broken)).toEqual([
    { area: 'workers', level: 'stops', what: 'workers: broken', mend: 'look' },
  ]);
});

test('an interruption is none: it ends the look', async () => {
  const controller = new AbortController();
  const looked = look(WORKERS, controller.signal, () => new Promise<never>(() => undefined));
  controller.abort(new Error('Ctrl-C'));
  await expect(looked).rejects.toThrow('Ctrl-C');
});
