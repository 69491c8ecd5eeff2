import { describe, expect, test } from 'vitest';
import type { WatchState } from '../../src/contract/tenants/production.js';
import {
  beginWatch,
  endOf,
  lengthOf,
  notePoll,
  type PolledTenant,
  whyTooLittle,
} from '../../src/domain/production-watch.js';

const SHA = '4c1d56e';
const OLD = '9e82b1d';
const LIMITS = { pollMs: 5_000, bakeMs: 600_000, graceMs: 60_000, watchMs: 1_800_000 };
const ON = (tenant = 'acme'): PolledTenant => ({ tenant, build: SHA, live: 'pass' });
const BEFORE: PolledTenant = { tenant: 'acme', build: OLD, live: 'pass' };
const DOWN: PolledTenant = {
  tenant: 'acme',
  build: null,
  why: '/health: ECONNREFUSED',
  live: 'could-not-test',
  check: 'liveness: no answer',
};
const FAILS: PolledTenant = { ...ON(), live: 'fail', check: 'liveness: status 500' };
const UNAVAILABLE: PolledTenant = { ...ON(), live: 'could-not-test', check: 'liveness: status 503' };

const UNJUDGED: PolledTenant = { ...ON(), unjudged: 'few requests fail: could not be tested' };

/** Polls one after another, 5 s apart and 100 ms long; a number is a pause before the next one, in milliseconds. */
function watch(steps: (PolledTenant | number)[], from?: WatchState): WatchState {
  let state = from ?? beginWatch([{ tenant: 'acme' }], 0);
  let pause = 5_000;
  for (const step of steps) {
    if (typeof step === 'number') {
      pause = step;
      continue;
    }
    const begun = Date.parse(state.at) + pause;
    state = notePoll(state, [step], SHA, { begun, ended: begun + 100 }, LIMITS);
    pause = 5_000;
  }
  return state;
}
const times = <T>(count: number, ...steps: T[]): T[] => Array.from({ length: count }, () => steps).flat();
const red = (steps: (PolledTenant | number)[]) => watch(steps).tenants[0]?.red;

describe('a bake', () => {
  test('ends the watch once every tenant was seen on the build and live for the whole time, not before', () => {
    const almost = watch(times(118, ON()));
    expect(endOf(almost, LIMITS)).toBeNull();
    expect(endOf(watch([ON()], almost), LIMITS)).toBe('followed');
  });

  test.each<[string, (PolledTenant | number)[]]>([
    ['a tenant that reports another build', [BEFORE]],
    ['a check that fails', [FAILS]],
    ['two polls in a row without an answer', [DOWN, DOWN]],
    ['two polls in a row without liveness', [UNAVAILABLE, UNAVAILABLE]],
    ['a judge that could not judge', [UNJUDGED]],
    ['a gap of more than three polls', [15_001]],
    ['a clock that was set back', [-1]],
  ])('starts again after %s', (_name, steps) => {
    const { bake } = watch([...times(100, ON()), ...steps, ON()]);
    expect(bake && lengthOf(bake)).toBe(0);
  });

  test('starts again after a clock that is set back during a poll, and no time is taken from it', () => {
    const before = watch(times(100, ON()));
    const begun = Date.parse(before.at) + 5_000;
    const after = notePoll(before, [ON()], SHA, { begun, ended: begun - 3_600_000 }, LIMITS);
    expect(after.bake && lengthOf(after.bake)).toBe(0);
    expect(after.watchedMs).toBe(before.watchedMs);
  });

  test('outlives one unanswered poll, and a gap of three polls', () => {
    const { bake } = watch([...times(100, ON()), DOWN, ON(), 15_000, ON()]);
    expect(bake).toMatchObject({ longestGapMs: 15_100 });
    expect(bake && lengthOf(bake)).toBeGreaterThan(500_000);
  });

  test('does not begin while a tenant has never answered', () => {
    const two = beginWatch([{ tenant: 'acme' }, { tenant: 'globex' }], 0);
    const state = notePoll(two, [ON(), { ...DOWN, tenant: 'globex' }], SHA, { begun: 5_000, ended: 5_100 }, LIMITS);
    expect(state.bake).toBeNull();
    expect(state.tenants[1]?.red).toBeUndefined();
  });

  test('is of each tenant by its name, in whatever order they were polled', () => {
    const two = beginWatch([{ tenant: 'acme' }, { tenant: 'globex' }], 0);
    const polled = [{ ...BEFORE, tenant: 'globex' }, ON()];
    const { tenants } = notePoll(two, polled, SHA, { begun: 5_000, ended: 5_100 }, LIMITS);
    const state = notePoll(
      { ...two, tenants },
      [ON(), ...polled.slice(0, 1)],
      SHA,
      { begun: 6_000, ended: 6_100 },
      LIMITS,
    );
    expect(state.tenants.map(({ tenant, tookAt }) => [tenant, tookAt])).toEqual([
      ['acme', '1970-01-01T00:00:05.100Z'],
      ['globex', null],
    ]);
  });

  test('a poll of more than 30 s is no proof: the process was frozen', () => {
    const good = watch(times(100, ON()));
    const begun = Date.parse(good.at) + 5_000;
    const { bake, watchedMs } = notePoll(good, [ON()], SHA, { begun, ended: begun + 30_001 }, LIMITS);
    expect(bake && lengthOf(bake)).toBe(0);
    expect(watchedMs).toBe(good.watchedMs);
  });
});

describe('a tenant', () => {
  test.each<[string, (PolledTenant | number)[]]>([
    ['that answered before and stopped', [ON(), ...times(13, DOWN)]],
    ['that stopped on the build before and never came back', [BEFORE, ...times(13, DOWN)]],
    ['whose liveness stopped answering', [ON(), ...times(13, UNAVAILABLE)]],
    ['that no longer reports a build', [ON(), ...times(13, { ...ON(), build: null, why: '/health: no sha' })]],
    ['that is without an answer for a minute in all', [ON(), ...times(12, DOWN, ON()), DOWN]],
  ])('%s for the grace is red', (_name, steps) => {
    expect(red(steps.slice(0, -1))).toBeUndefined();
    expect(red(steps)).toMatch(/^no answer for 1m( 1s)?: (\/health|liveness): /);
  });

  test('that stopped three times for two polls keeps restarting, and is red', () => {
    const steps = [ON(), ...times(3, DOWN, DOWN, ON())];
    expect(red(steps.slice(0, -2))).toBeUndefined();
    expect(red(steps)).toBe('no answer for 26s in 3 interruptions: /health: ECONNREFUSED');
  });

  test('that no judge can judge is not red for it, however long', () => {
    const seen = watch(times(1_000, UNJUDGED));
    expect(seen.tenants[0]?.red).toBeUndefined();
    expect(endOf(seen, LIMITS)).toBe('bound');
  });

  test('that fails its check twice in a row is red, and stays red', () => {
    expect(red([ON(), FAILS, ON(), FAILS])).toBeUndefined();
    expect(red([ON(), FAILS, FAILS, ON()])).toBe('liveness: status 500');
  });

  test.each<[string, (PolledTenant | number)[]]>([
    ['restarts to take the build', [BEFORE, ...times(11, DOWN), ON(), ...times(11, DOWN)]],
    ['restarts on the build before', [...times(9, BEFORE, DOWN, DOWN)]],
    ['fails on the build before', times(9, { ...BEFORE, live: 'fail', check: 'liveness: status 500' } as PolledTenant)],
    ['has never answered', times(99, DOWN)],
    ['was silent while no one watched', [ON(), DOWN, 600_000, DOWN]],
    ['has never been known to be live', times(99, UNAVAILABLE)],
  ])('that %s is not red', (_name, steps) => {
    expect(red(steps)).toBeUndefined();
  });

  test('that answered in the watch before and is silent from the start is red', () => {
    const begun = beginWatch([{ tenant: 'acme', answered: { build: true, live: true } }], 0);
    expect(watch(times(14, DOWN), begun).tenants[0]?.red).toMatch(/^no answer for 1m/);
  });
});

describe('the bound', () => {
  test('counts watched time only', () => {
    const short = { ...LIMITS, watchMs: 60_000 };
    expect(endOf(watch([BEFORE, 3_600_000, BEFORE]), short)).toBeNull();
    expect(endOf(watch(times(12, BEFORE)), short)).toBe('bound');
  });

  test('waits for a tenant that may be red at the next poll', () => {
    const short = { ...LIMITS, watchMs: 60_000 };
    const doubtful = watch([...times(11, ON()), DOWN]);
    expect(endOf(doubtful, short)).toBeNull();
    expect(endOf(watch([...times(11, ON()), FAILS]), short)).toBeNull();
    expect(endOf(watch(times(13, DOWN), doubtful), short)).toBe('bound');
  });
});

describe('a rollback without a person', () => {
  const AT = '2026-11-25T06:00:00.000Z';
  const now = Date.parse(AT);
  const CUT: PolledTenant = { ...DOWN, unreached: true };
  const seen = (...polled: PolledTenant[]): WatchState => {
    const begun = beginWatch(
      polled.map(({ tenant }) => ({ tenant })),
      0,
    );
    return { ...notePoll(begun, polled, SHA, { begun: 5_000, ended: 5_100 }, LIMITS), at: AT };
  };

  test('needs an answer of at least one tenant: the network of the gate may be down', () => {
    const why = 'no tenant answers at all, so the network of the gate may be down';
    expect(whyTooLittle(seen(CUT, { ...CUT, tenant: 'globex' }), now)).toBe(why);
    expect(whyTooLittle(seen(CUT, { ...FAILS, tenant: 'globex' }), now)).toBeNull();
    expect(whyTooLittle(seen(DOWN), now)).toBeNull();
  });

  test('counts the last poll, not one before it', () => {
    expect(watch([CUT, ON()]).tenants[0]).not.toHaveProperty('unreached');
  });

  test('needs a recent look at production', () => {
    expect(whyTooLittle(seen(FAILS), now + 10 * 60_000)).toBeNull();
    expect(whyTooLittle(seen(FAILS), now + 11 * 60_000)).toBe('production was last seen 11m ago');
  });
});
