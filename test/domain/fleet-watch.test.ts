import { describe, expect, test } from 'vitest';
import type { TenantBuild } from '../../src/contract/tenants/build.js';
import type { CheckResult, Verdict } from '../../src/contract/tenants/check.js';
import {
  describeInterruption,
  describeStretch,
  elapsedMs,
  type FleetWatchState,
  maxGapMs,
  type Observation,
  observe,
  type Probe,
} from '../../src/domain/fleet-watch.js';

const SHA = '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31';
const OTHER = '9e82b1d';
const START = Date.parse('2026-11-28T12:00:00.000Z');
const INTERVAL_MS = 10_000;

const check = (verdict: Verdict, status: number | null = 200): CheckResult => ({
  check: 'liveness',
  proves: '',
  verdict,
  status,
  latencyMs: 1,
  expected: '',
  got: '',
});
const probe = (build: Partial<TenantBuild> = {}, checks = [check('pass')], tenant = 'canary-1'): Probe => ({
  build: { tenant, build: SHA, ...build },
  smoke: { tenant, checks },
});
const good = probe();
const silent = probe({ build: null, why: '/health: status 503', silent: true }, [check('could-not-test', 503)]);
const untested = probe({}, [check('could-not-test', 401)]);
const failing = probe({}, [check('fail', 500)]);
const left = probe({ build: OTHER });
const nameless = probe({ build: null, why: '/health: no sha' });

/** Watches rounds of probes, each one interval after the last unless it says otherwise; returns what the last round showed. */
function watch(rounds: (Probe | { probes: Probe[]; unwatchedMs?: number })[], unreported: string[] = []): Observation {
  let state: FleetWatchState = { stretch: null, doubtful: [], doubts: {}, failing: [] };
  let seen: Observation | undefined;
  for (const [index, round] of rounds.entries()) {
    if (seen?.end) throw new Error(`ended after ${index} rounds`);
    const { probes, unwatchedMs = INTERVAL_MS } = 'probes' in round ? round : { probes: [round] };
    const at = START + index * INTERVAL_MS;
    const gapMs = maxGapMs(INTERVAL_MS);
    seen = observe(state, { at, sinceLastMs: unwatchedMs, unwatchedMs, probes }, { sha: SHA, unreported, gapMs });
    ({ state } = seen);
  }
  if (!seen) throw new Error('no round');
  return seen;
}

describe('a round of probes', () => {
  test('extends the stretch while every tenant is on the build and answers', () => {
    const { state, isGood, end } = watch([good, good, good]);
    expect({ isGood, end }).toEqual({ isGood: true, end: null });
    expect(state.stretch).toEqual({
      from: '2026-11-28T12:00:00.000Z',
      until: '2026-11-28T12:00:20.000Z',
      watchedMs: 20_000,
      longestGapMs: 10_000,
      rounds: 3,
    });
  });

  test.each([
    ['no usable answer', silent, '/health: status 503'],
    ['a read-only check that could not be tested', untested, 'liveness: status 401'],
  ])('with %s proves nothing the first time, and interrupts the second time in a row', (_, bad, answered) => {
    expect(watch([good, bad])).toMatchObject({ isGood: false, end: null, state: { stretch: { rounds: 2 } } });
    expect(watch([good, bad, good, bad])).toMatchObject({ isGood: false, end: null });
    const interrupted = [{ tenant: 'canary-1', from: '2026-11-28T12:00:10.000Z', to: null, answered }];
    expect(watch([good, bad, bad]).end).toEqual({ interrupted, builds: [bad.build] });
  });

  test.each([
    ['another build', left, `reports ${OTHER}`],
    ['no build', nameless, 'reports no build (/health: no sha)'],
  ])('in which a tenant reports %s interrupts at once', (_, away, answered) => {
    expect(watch([good, away]).end).toMatchObject({ interrupted: [{ answered }] });
  });

  test('with a failing check is RED the second time in a row', () => {
    expect(watch([good, failing])).toMatchObject({ isGood: false, end: null });
    expect(watch([good, failing, good, failing])).toMatchObject({ end: null });
    expect(watch([good, failing, failing]).end).toEqual({ red: [failing.smoke] });
  });

  test('interrupts a tenant that alternates between silence and failures, or between failures', () => {
    const otherCheck = probe({}, [{ ...check('fail', 500), check: 'search' }]);
    for (const [first, second, answered] of [
      [silent, failing, '/health: status 503'],
      [failing, silent, 'liveness: status 500'],
      [failing, otherCheck, 'liveness: status 500'],
    ] as const)
      expect(watch([good, first, second]).end).toMatchObject({
        interrupted: [{ tenant: 'canary-1', from: '2026-11-28T12:00:10.000Z', answered }],
      });
  });

  test('is not RED for a failure on a fleet that took another build', () => {
    const both = [failing, probe({ build: OTHER }, [], 'canary-2')];
    expect(watch([failing, { probes: both }]).end).toMatchObject({ interrupted: [{ tenant: 'canary-2' }] });
  });

  test('accepts no build from a tenant that a person accepted, but not its silence or another build', () => {
    const accepted = ['canary-1'];
    expect(watch([nameless, nameless], accepted)).toMatchObject({ isGood: true, end: null });
    expect(watch([untested, untested], accepted).end).toMatchObject({
      interrupted: [{ answered: 'liveness: status 401' }],
    });
    expect(watch([nameless, left], accepted).end).toMatchObject({ interrupted: [{ answered: `reports ${OTHER}` }] });
  });

  test('takes the silence of such a tenant for an interruption if no check tells of it', () => {
    const accepted = ['canary-1'];
    const unchecked = probe({ build: null, why: '/health: ECONNREFUSED', silent: true }, []);
    expect(watch([unchecked, unchecked], accepted).end).toMatchObject({
      interrupted: [{ answered: '/health: ECONNREFUSED' }],
    });
    const answering = probe({ build: null, why: '/health: no sha' }, []);
    expect(watch([answering, answering], accepted)).toMatchObject({ isGood: true, end: null });
  });

  test('begins the stretch again after more than three missed intervals, and not before', () => {
    const late = (unwatchedMs: number) => watch([good, good, { probes: [good], unwatchedMs }]).state.stretch;
    expect(late(30_000)).toMatchObject({ rounds: 3, watchedMs: 40_000, longestGapMs: 30_000 });
    expect(late(30_001)).toMatchObject({ rounds: 1, watchedMs: 0 });
    expect(late(Number.POSITIVE_INFINITY)).toMatchObject({ rounds: 1, watchedMs: 0 });
  });

  test('with a third doubt in six rounds interrupts, with a third in seven it does not', () => {
    expect(watch([good, silent, good, silent, good, silent]).end).toMatchObject({
      interrupted: [{ tenant: 'canary-1' }],
    });
    expect(watch([silent, good, silent, good, good, good, silent])).toMatchObject({ end: null, isGood: false });
  });

  test('that is not good begins no stretch', () => {
    expect(watch([silent]).state.stretch).toBeNull();
    expect(watch([failing]).state.stretch).toBeNull();
  });
});

describe('the time between two rounds', () => {
  const at = (wall: number, steady: number | null) => ({ wall, steady });
  test.each([
    ['by the steady clock', at(0, 0), at(10_300, 10_000), 10_000],
    ['by the wall clock when another process saw the last round', at(0, null), at(10_300, 5), 10_300],
    ['unknown when the wall clock jumps forward', at(0, 0), at(100_000, 10_000), Number.POSITIVE_INFINITY],
    ['unknown when the wall clock jumps back', at(100_000, 0), at(0, 10_000), Number.POSITIVE_INFINITY],
    ['unknown when it is negative', at(10, null), at(0, 5), Number.POSITIVE_INFINITY],
  ])('is %s', (_, from, to, ms) => {
    expect(elapsedMs(from, to, 30_000)).toBe(ms);
  });
});

test('a stretch and an interruption are described in one line', () => {
  const stretch = { from: '2026-11-28T12:00:00.000Z', until: '2026-11-28T12:06:20.000Z' };
  expect(describeStretch({ ...stretch, watchedMs: 380_000, longestGapMs: 11_000, rounds: 38 })).toBe(
    'watched for 6m 20s (2026-11-28 12:00:00 UTC to 2026-11-28 12:06:20 UTC) in 38 rounds, at most 11s apart',
  );
  const one = { tenant: 'canary-2', from: '2026-11-28T12:00:03.000Z', answered: '/health: status 503' };
  expect(describeInterruption({ ...one, to: null })).toBe(
    'canary-2 from 2026-11-28 12:00:03 UTC (/health: status 503)',
  );
});
