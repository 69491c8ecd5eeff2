import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPair } from '../../src/move/pair.js';
import { MOVE_WAITS } from '../../src/move/waits.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const FOR_MS = 60_000;
const { splitMs } = MOVE_WAITS;
const [first, second] = [{}, {}];
const pairOf = (forwardOnly = false) => createPair(2, { forMs: FOR_MS, forwardOnly, waits: MOVE_WAITS });
/** Milliseconds that are left until the deadline. */
const left = (pair: ReturnType<typeof pairOf>) => pair.deadline() - performance.now();

test('a pair may be tried for its time, and only for a short one while one image has moved', () => {
  const pair = pairOf();
  expect(left(pair)).toBe(FOR_MS);
  vi.advanceTimersByTime(1_000);
  pair.moved(first);
  vi.advanceTimersByTime(1_000);
  // Read back again: the split began before.
  pair.moved(first);
  expect(left(pair)).toBe(splitMs - 1_000);
  pair.moved(second);
  expect(left(pair)).toBe(FOR_MS - 2_000);
});

test('a pair that splits shortly before its end has no more time for it', () => {
  const pair = pairOf();
  vi.advanceTimersByTime(FOR_MS - 1_000);
  pair.moved(first);
  expect(left(pair)).toBe(1_000);
});

test('a pair that goes forward only has its whole time, also while it is split', () => {
  const pair = pairOf(true);
  expect(pair.forwardOnly).toBe(true);
  pair.moved(first);
  expect(left(pair)).toBe(FOR_MS);
});

test('a pair was split from its first image to its last, and until now if that did not move', () => {
  const pair = pairOf();
  vi.advanceTimersByTime(500);
  expect(pair.splitMs()).toBe(0);
  pair.moved(first);
  vi.advanceTimersByTime(700);
  expect(pair.splitMs()).toBe(700);
  pair.moved(second);
  vi.advanceTimersByTime(300);
  pair.moved(second);
  expect(pair.splitMs()).toBe(700);
});

test('a pair knows whether each image was tried, and whether one has moved', () => {
  const pair = pairOf();
  expect(pair.state()).toEqual({ isTried: false, hasMoved: false });
  for (const image of [first, first]) pair.tried(image);
  pair.moved(first);
  expect(pair.state()).toEqual({ isTried: false, hasMoved: true });
  pair.tried(second);
  expect(pair.state()).toEqual({ isTried: true, hasMoved: true });
});
