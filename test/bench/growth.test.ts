import { expect, test } from 'vitest';
import { excess, GROWTH } from '../../bench/growth.js';

test('a release whose history grows by more than its formula is named, and one that fits is not', () => {
  expect(
    excess(GROWTH.events, [
      { count: 1, value: 58 },
      { count: 500, value: 2_221 },
    ]),
  ).toEqual([]);
  expect(excess(GROWTH.events, [{ count: 100, value: 511 }])).toEqual([
    'events of a release: 511 with 100 tenants, at most 510',
  ]);
});
