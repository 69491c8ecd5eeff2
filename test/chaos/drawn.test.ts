import { expect, test } from 'vitest';
import {
  awayMs,
  craneOf,
  frozenMs,
  isForced,
  jumpOf,
  junkOf,
  liarsOf,
  readsOf,
  redOf,
  statusOf,
} from '../../chaos/choices.js';
import { type Plan, planOf } from '../../chaos/plan.js';
import type { Act, Step } from '../../chaos/steps.js';
import { waitsOf } from '../../chaos/waits.js';
import { MOVE_WAITS } from '../../src/move/waits.js';

const PLANS = Array.from({ length: 500 }, (_, seed) => planOf(seed));

const any =
  (...acts: Act[]) =>
  ({ steps }: Plan) =>
    steps.some(({ act }) => acts.includes(act));
const like =
  (act: Act, isLike: (choice: number, step: Step) => boolean) =>
  ({ steps }: Plan) =>
    steps.some((step) => step.act === act && isLike(step.choice, step));
const choicesOf = ({ steps }: Plan, act: Act) => steps.flatMap((step) => (step.act === act ? [step.choice] : []));
const inOrder =
  (...acts: Act[]) =>
  ({ steps }: Plan) =>
    steps.some((_, index) => acts.every((act, more) => steps[index + more]?.act === act));

/** What issue 23 lists for chaos, each with what draws it. */
const KINDS: Record<string, (plan: Plan) => boolean> = {
  'good builds': any('green'),
  'bad builds, in more than one way': (plan) =>
    new Set(choicesOf(plan, 'red').map((choice) => redOf(choice).misbehave)).size > 1,
  'a bad build that production would not notice': like('red', (choice) => redOf(choice).passesLiveness === true),
  'a bad build that repeats the token': like('red', (choice) => redOf(choice).misbehave.includes('echo-token')),
  'builds that are pushed again': any('push again'),
  'older builds': any('older'),
  bursts: any('burst'),
  approvals: any('approve'),
  aborts: any('abort'),
  retries: any('retry'),
  pauses: any('pause'),
  adoptions: any('adopt'),
  rollbacks: any('roll back'),
  '--direct with force': like('direct', isForced),
  '--direct without force': like('direct', (choice) => !isForced(choice)),
  '--direct without force while Temporal is killed': ({ steps }) =>
    steps.some((step, index) => {
      const next = steps[index + 1];
      return step.act === 'kill the server' && next?.act === 'direct' && !isForced(next.choice);
    }),
  '--direct while Temporal is frozen': inOrder('freeze the server', 'direct'),
  'crane of all images': like('crane', (choice) => craneOf(choice) === 'all'),
  'crane of the first image alone': like('crane', (choice) => craneOf(choice) === 'first'),
  'crane of the second image alone': like('crane', (choice) => craneOf(choice) === 'second'),
  'workers killed': any('kill a worker'),
  'workers frozen': any('freeze a worker', 'freeze the writer'),
  'server killed': any('kill the server'),
  'server away for over four seconds': like('kill the server', (choice) => awayMs(choice) > 4_000),
  'server frozen': any('freeze the server'),
  'server frozen for over ten seconds, past the time-out of a workflow task': like(
    'freeze the server',
    (choice) => frozenMs(choice) > 10_000,
  ),
  'clocks that jump forth and back in one seed': (plan) =>
    new Set(choicesOf(plan, 'clock jumps').map((choice) => Math.sign(jumpOf(choice)))).size === 2,
  'clocks that jump by an hour': like('clock jumps', (choice) => Math.abs(jumpOf(choice)) > 3_600_000),
  'writes answered 429': like('refuse writes', (choice) => statusOf(choice) === 429),
  'writes answered 500': like('refuse writes', (choice) => statusOf(choice) === 500),
  'writes answered 503': like('refuse writes', (choice) => statusOf(choice) === 503),
  'writes answered 202': any('accept only'),
  'writes that hang': any('hang'),
  'answers cut after the write': any('cut after the write'),
  'reads answered 429': like('refuse reads', (choice) => statusOf(choice) === 429),
  'reads answered 500': like('refuse reads', (choice) => statusOf(choice) === 500),
  'reads answered 503': like('refuse reads', (choice) => statusOf(choice) === 503),
  'reads of tags refused': like('refuse reads', (choice) => readsOf(choice) === 'tags'),
  'reads of digests refused': like('refuse reads', (choice) => readsOf(choice) === 'digests'),
  'reads of tags that hang': like('hang reads', (choice) => readsOf(choice) !== 'digests'),
  'reads of digests that hang': like('hang reads', (choice) => readsOf(choice) !== 'tags'),
  'reads of tags that break off': like('cut reads', (choice) => readsOf(choice) !== 'digests'),
  'reads of digests that break off': like('cut reads', (choice) => readsOf(choice) !== 'tags'),
  'stale reads, shortened': (plan) => !plan.hasRealWaits && any('stale reads')(plan),
  'stale reads as long as in production': (plan) => plan.hasRealWaits && any('stale reads')(plan),
  'one image refused': any('refuse one image'),
  'tenants that crash': any('tenant crashes'),
  'tenants that crash again and again': any('tenant crash-loops'),
  'tenants that answer 503': any('tenant answers 503'),
  'tenants whose edge answers 503': any('edge answers 503'),
  'tenants whose edge answers 502': any('edge answers 502'),
  'tenants that leave the build': any('tenant leaves'),
  'tenants that say another build than they run': any('tenant lies'),
  'one tenant that claims the new build and runs the old one': like(
    'tenant pretends',
    (choice) => liarsOf(choice) === 'one',
  ),
  'all tenants that do, while the new build is bad': ({ steps }) =>
    steps.some(
      ({ act, choice }, index) =>
        act === 'tenant pretends' && liarsOf(choice) === 'all' && steps[index + 1]?.act === 'red',
    ),
  'tenants of production that fall silent': any('production falls silent'),
  'tenants of production that turn red': any('production turns red'),
  'junk as signals': like('junk', (choice) => junkOf(choice) === 'signals'),
  'junk as updates': like('junk', (choice) => junkOf(choice) === 'updates'),
  'junk as queries': like('junk', (choice) => junkOf(choice) === 'queries'),
  'junk as inputs of new runs': like('junk', (choice) => junkOf(choice) === 'starts'),
  'forged lanes': any('forge a lane'),
  'a hand in the pause after a refused write': inOrder('refuse writes', 'crane'),
  'a release that is held twice': inOrder('approval', 'retry', 'tenant leaves', 'junk', 'approve'),
  'two rollbacks at once while the lane begins again': inOrder('terminate the lane', 'roll back', 'roll back'),
  'an adoption in the midst of a pair': inOrder('refuse one image', 'adopt', 'crane', 'adopt'),
  'a hand after the policy looked': inOrder('production turns red', 'crane'),
  'movers that strangers start': any('start a mover'),
};

test.each(Object.keys(KINDS))('five hundred seeds have %s', (kind) => {
  expect(PLANS.filter((plan) => KINDS[kind]?.(plan)).length).toBeGreaterThan(0);
});

test('a lag of reads is shortened as the waits that answer it, or none of them is', () => {
  const { waits, staleMs } = waitsOf(false);
  for (const name of ['verifyMs', 'surpriseMs', 'recentMs', 'steadyMs'] as const)
    expect((waits as Record<string, number>)[name]).toBe((MOVE_WAITS[name] * staleMs) / 30_000);
  expect(waitsOf(true)).toEqual({ waits: {}, staleMs: 30_000 });
});
