import { expect, test } from 'vitest';
import { type Plan, planOf, shrink } from '../../chaos/plan.js';
import { ACTS, type Act } from '../../chaos/steps.js';

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

test('what answers another act comes after it, and what does not apply to the tenants is left out', () => {
  const plans = Array.from({ length: 300 }, (_, seed) => planOf(seed));
  const before = (steps: Plan['steps'], act: Act) => {
    const index = steps.findIndex((step) => step.act === act);
    return index < 0 ? null : steps.slice(0, index).map((step) => step.act);
  };
  const held: Act[] = ['approval', 'crane', 'push again', 'roll back', 'terminate the lane'];
  for (const { steps, production, tenants } of plans) {
    expect(before(steps, 'resume') ?? ['pause']).toContain('pause');
    expect(before(steps, 'approve')?.some((act) => held.includes(act)) ?? true).toBe(true);
    const acts = steps.map(({ act }) => act);
    if (production === 0) expect(acts.filter((act) => act.startsWith('production'))).toEqual([]);
    if (tenants === 0) expect(acts.filter((act) => act.startsWith('tenant'))).toEqual([]);
  }
  expect(new Set(plans.map(({ autoRollback }) => autoRollback))).toEqual(new Set([true, false]));
});

test('a scenario shrinks to the shortest prefix that fails, also if a longer one passes', async () => {
  const plan = planOf(3);
  const shrunk = await shrink(plan, async ({ steps }) => steps.length === 2 || steps.length > 4);
  expect(shrunk.steps).toEqual(plan.steps.slice(0, 2));
});

test('a scenario that only fails as a whole stays whole', async () => {
  expect(await shrink(planOf(3), async () => false)).toEqual(planOf(3));
});
