import { expect, test } from 'vitest';
import { ACTS, planOf, shrink } from '../../chaos/plan.js';

test('the plan of a seed is always the same', () => {
  expect(planOf(7)).toEqual(planOf(7));
  expect(planOf(7)).not.toEqual(planOf(8));
});

test('a hundred seeds have every act, two and three workers, and a gate without a fleet', () => {
  const plans = Array.from({ length: 100 }, (_, seed) => planOf(seed));
  expect(new Set(plans.flatMap(({ steps }) => steps.map(({ act }) => act)))).toEqual(new Set(ACTS));
  expect(new Set(plans.map(({ workers }) => workers))).toEqual(new Set([2, 3]));
  expect(new Set(plans.map(({ tenants }) => tenants))).toEqual(new Set([0, 2]));
});

test('a scenario shrinks to the shortest prefix that fails, in a few runs', async () => {
  const plan = planOf(3);
  let runs = 0;
  const shrunk = await shrink(plan, async ({ steps }) => {
    runs += 1;
    return steps.length >= 2;
  });
  expect(shrunk.steps).toEqual(plan.steps.slice(0, 2));
  expect(runs).toBeLessThan(5);
});

test('a scenario that only fails as a whole stays whole', async () => {
  expect(await shrink(planOf(3), async () => false)).toEqual(planOf(3));
});
