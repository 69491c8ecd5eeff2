import { describe, expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, RunEvent } from '../../chaos/checker/evidence.js';
import { timeline } from '../../chaos/checker/timeline.js';
import {
  A,
  at,
  B,
  build,
  C,
  digest,
  event,
  GOOD,
  IMAGES,
  leases,
  more,
  mover,
  on,
  PLATFORM,
  rulesOf,
  run,
  SOAKED,
  scheduled,
  TENANT,
  TENANTS,
  withRuns,
  writes,
} from './forged.js';

const SPLIT = { status: 'FAILED', failure: 'PairSplit' };
const repushed = (seconds: number) => ({ at: at(seconds), repository: TENANT, digest: `${digest(B, TENANT)} again` });
/** The release of B, with other events. */
const withEvents = (...events: RunEvent[]) =>
  GOOD.runs.map((one) => (one.workflowId === 'b' ? { ...one, events } : one));
const approved = withEvents(event(19, 'approve'));
/** A release that only a person may promote. */
const unsmoked = (...events: RunEvent[]) => more({ runs: withEvents(...events), tenantRequests: [] });
const signaled = event(19, 'approve', 'WorkflowExecutionSignaled');

/** A person set canary-2 aside, and only the other one was smoked. */
const setAside = (until: number, from = 4, tenants = ['canary-2'], ...others: RunEvent[]) => ({
  ...withRuns(
    run('ReleaseLane', 'the lane before', 0, null, {
      events: [
        ...tenants.map((tenant) => ({ ...event(from, 'quarantine'), tenant, until: at(until) })),
        ...others.map((one) => ({ ...one, tenant: 'canary-2' })),
      ],
    }),
  ),
  tenantRequests: GOOD.tenantRequests.filter(({ tenant, route }) => tenant !== 'canary-2' || route === 'GET /health'),
});

describe('the checker', () => {
  test('counts no write of a mover with a lease for one that a stranger started beside it', () => {
    expect(rulesOf(withRuns(mover(B, 20.8, 21.2, null)))).toEqual([]);
    // Without a lease of another one, the write is the stranger's.
    expect(rulesOf({ ...withRuns(mover(B, 20.8, 21.2, null)), grants: [] })).toContain('I3');
  });

  test.each([[[null]], ['both'], [[{ repository: 7 }]], [undefined]])(
    'judges on beside a mover that a stranger started for the images %j',
    (images) => {
      const junk = run('MoveLatest', 'junk', 19, 19.2, { input: { kind: 'rollback', sha: 'abcdef0', images } });
      expect(rulesOf(withRuns(junk))).toEqual([]);
    },
  );

  test('finds nothing in a promotion as it should be', () => {
    expect(check(GOOD)).toEqual([]);
  });

  test.each<[string, string, Evidence]>([
    [
      'I1',
      'a promotion without a smoke on one tenant',
      more({
        tenantRequests: GOOD.tenantRequests.filter(
          ({ tenant, route }) => tenant !== 'canary-2' || route === 'GET /health',
        ),
      }),
    ],
    [
      'I1',
      'a smoke of another build',
      more({ tenantStates: [...on(0, A), ...on(8, B), ...on(17.5, A), ...on(18.5, B)] }),
    ],
    ['I1', 'a promotion without a smoke on a tenant whose quarantine was over', setAside(4.5)],
    ['I1', 'a promotion without a smoke on a tenant that was set aside after its smoke', setAside(60, 19.5)],
    ['I1', 'a promotion without a smoke on a tenant that was set aside after the move', setAside(60, 21.5)],
    [
      'I1',
      'a promotion without a smoke on a tenant that a person took back before',
      setAside(60, 3, ['canary-2'], event(4, 'unquarantine')),
    ],
    ['I1', 'a promotion for which every tenant was set aside', setAside(60, 4, TENANTS)],
    ['I1', 'an approval of an earlier hold', unsmoked(event(6, 'approve'), scheduled(7, 'awaitBuild'))],
    ['I1', 'an approval before the smoke', unsmoked(...SOAKED.slice(0, 2), event(17, 'approve'), ...SOAKED.slice(2))],
    ['I1', 'an approval after the mover began', unsmoked(event(20.5, 'approve'))],
    ['I1', 'an approval that the release refused', unsmoked({ ...event(19, 'approve'), isRefused: true })],
    ['I1', 'an approval by a signal that the release did not take', unsmoked(signaled)],
    ['I1', 'a bad build', more({ builds: [build(A, 1), build(B, 2, true)] })],
    [
      'I2',
      'half of a pair',
      more({
        writes: [...writes(0, A, 'person'), ...writes(21, B, 'gate', [PLATFORM])],
        latest: { [PLATFORM]: digest(B, PLATFORM), [TENANT]: digest(A, TENANT) },
      }),
    ],
    [
      'I2',
      'a mover that left half a pair, and says that it restored it',
      more({
        runs: GOOD.runs.map((one) =>
          one.type === 'MoveLatest' ? { ...one, status: 'FAILED', failure: 'MoveFailed' } : one,
        ),
        writes: [...writes(0, A, 'person'), ...writes(21, B, 'gate', [PLATFORM]), ...writes(30, A, 'person')],
        latest: Object.fromEntries(IMAGES.map((name) => [name, digest(A, name)])),
      }),
    ],
    [
      'I3',
      'a digest that is not of the build',
      more({
        builds: [build(A, 1), { ...build(B, 2), digests: {} }, build(C, 3), { ...build(B, 4), sha: 'd'.repeat(40) }],
      }),
    ],
    [
      'I3',
      'a tenant that was seen away in the soak',
      more({ tenantStates: [...on(0, A), ...on(8, B), ...on(14.5, A, ['canary-1']), ...on(17.5, B, ['canary-1'])] }),
    ],
    [
      'I3',
      'a tenant that was away while the build soaked, long before the move',
      more({ tenantStates: [...on(0, A), ...on(8, B), ...on(12.5, A, ['canary-1']), ...on(14.5, B, ['canary-1'])] }),
    ],
    [
      'I3',
      'a tenant that was down in the soak',
      more({ tenantStates: [...on(0, A), ...on(8, B), ...on(11, null), ...on(17.5, B)] }),
    ],
    ['I3', 'a build that did not soak', more({ runs: withEvents(...SOAKED.slice(1)) })],
    ['I3', 'a soak that was too short', more({ runs: withEvents(scheduled(15, 'watchFleet'), ...SOAKED.slice(1)) })],
    [
      'I3',
      'a soak before the release started over',
      more({ runs: withEvents(...SOAKED.slice(0, 1), scheduled(16, 'awaitBuild'), ...SOAKED.slice(1)) }),
    ],
    [
      'I3',
      'a build that was pushed again while it soaked',
      more({ builds: [build(A, 1), { ...build(B, 2), pushes: [...build(B, 2).pushes, repushed(12)] }, build(C, 3)] }),
    ],
    [
      'I2',
      'a pair left on two builds long after another release said that it left one',
      more({
        runs: [
          run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), scheduled(25, 'alarm pair-split')] }),
          ...GOOD.runs.slice(1),
          run('CanaryRelease', 'c', 22, 26, { ...SPLIT, input: { sha: C, promoteOnly: true } }),
          { ...mover(C, 23, 25, 'c'), ...SPLIT, events: [scheduled(25, 'alarm move-split')] },
          run('Rollback', 'a', 30, 34, { input: { sha: A } }),
          { ...mover(A, 31, 33, 'a', 'rollback'), status: 'TERMINATED' },
        ],
        writes: [...GOOD.writes, ...writes(24, C, 'gate', [PLATFORM]), ...writes(32, A, 'gate', [PLATFORM])],
        latest: { [PLATFORM]: digest(A, PLATFORM), [TENANT]: digest(B, TENANT) },
      }),
    ],
    ['I4', 'a write whose lease is too old', more({ grants: leases([8, 20]) })],
    ['I4', 'a write with the lease of another mover', more({ grants: leases([20.5, 3]) })],
    ['I4', 'a write after its mover', more({ writes: [...GOOD.writes, ...writes(30, B)] })],
    ['I4', 'a mover that no one asked for', more({ runs: [...GOOD.runs.slice(0, 2), mover(B, 20, 22, null)] })],
    [
      'I4',
      'an older build',
      more({
        writes: [...writes(0, A, 'person'), ...writes(4, C), ...writes(21, B)],
        runs: [...GOOD.runs, run('CanaryRelease', 'c', 2, 5, { input: { promoteOnly: true } }), mover(C, 3, 5, 'c')],
      }),
    ],
    [
      'I4',
      'a promotion during a rollback',
      {
        ...withRuns(run('Rollback', 'back', 2, 40)),
        announced: [{ at: at(3), runId: 'run of back' }],
      },
    ],
    [
      'I4',
      'a promotion in a pause',
      more({
        runs: [
          run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), event(2, 'pause')] }),
          ...GOOD.runs.slice(1),
        ],
      }),
    ],
    ['I5', 'a part of a secret', more({ texts: [{ name: 'worker', text: 'token long-secret' }] })],
    ['I6', 'a run that does not end', withRuns(run('CanaryRelease', 'c', 5, null))],
    [
      'I6',
      'a history that does not replay',
      withRuns(
        run('CanaryRelease', 'c', 5, 6, {
          events: [event(5, 'WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR', 'WorkflowTaskFailed')],
        }),
      ),
    ],
    [
      'I6',
      'a lane that does not replay',
      withRuns(
        run('ReleaseLane', 'lane 2', 5, null, {
          events: [event(5, 'WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR', 'WorkflowTaskFailed')],
        }),
      ),
    ],
    ['I7', 'a promotion without a fleet', more({ tenants: [] })],
    [
      'I8',
      'a promotion over what a person moved',
      more({ writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...writes(21, B)] }),
    ],
  ])('finds %s in %s', (rule, _what, evidence) => {
    expect(rulesOf(evidence)).toContain(rule);
  });

  test.each<[string, Evidence]>([
    ['an approved build that no tenant ran', more({ runs: approved, tenantRequests: [] })],
    ['an approval by a signal that the release took', unsmoked(signaled, scheduled(19, 'decided approve'))],
    [
      'a build that was pushed again after its smoke, which no read can see',
      more({ builds: [build(A, 1), { ...build(B, 2), pushes: [...build(B, 2).pushes, repushed(19)] }, build(C, 3)] }),
    ],
    [
      'a pair that is on two builds as its last mover says, with its alarms',
      more({
        runs: [
          run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), scheduled(25, 'alarm pair-split')] }),
          ...GOOD.runs.slice(1),
          run('CanaryRelease', 'c', 22, 26, { ...SPLIT, input: { sha: C, promoteOnly: true } }),
          { ...mover(C, 23, 25, 'c'), ...SPLIT, events: [scheduled(25, 'alarm move-split')] },
        ],
        writes: [...GOOD.writes, ...writes(24, C, 'gate', [PLATFORM])],
        latest: { [PLATFORM]: digest(C, PLATFORM), [TENANT]: digest(B, TENANT) },
      }),
    ],
    [
      'an approval over what a person moved',
      more({ runs: approved, writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...writes(21, B)] }),
    ],
    [
      'a pair that a person broke',
      more({
        writes: [...GOOD.writes, ...writes(30, A, 'person', [PLATFORM])],
        latest: { [PLATFORM]: digest(A, PLATFORM), [TENANT]: digest(B, TENANT) },
      }),
    ],
    [
      'a tenant that was away before the soak',
      more({ tenantStates: [...on(0, A), ...on(8, B), ...on(9, A), ...on(12, B)] }),
    ],
    [
      'a hand right before the write, which no look can see',
      more({ writes: [...writes(0, A, 'person'), ...writes(20, C, 'person'), ...writes(21, B)] }),
    ],
    [
      'a promotion to the build that a person put there right before',
      more({
        writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...writes(20, B, 'person'), ...writes(21, B)],
      }),
    ],
    [
      'a promotion after the gate confirmed what a person moved',
      more({
        runs: [...GOOD.runs, run('CanaryRelease', 'c', 5, 9), mover(C, 7, 8, 'c')],
        writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...writes(21, B)],
      }),
    ],
    [
      'a promotion after a person put :latest where it was adopted',
      more({
        runs: [run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt')] }), ...GOOD.runs.slice(1)],
        writes: [...writes(0, A, 'person'), ...writes(6, A, 'person'), ...writes(21, B)],
      }),
    ],
    [
      'a pause that no person gave, which is refused',
      more({
        runs: [
          run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), { ...event(2, 'pause'), by: null }] }),
          ...GOOD.runs.slice(1),
        ],
      }),
    ],
    ['a promotion without a smoke on a tenant that a person set aside', setAside(60)],
    [
      'a promotion whose only tenant that was smoked was set aside once the mover had begun',
      more({
        ...setAside(60),
        runs: setAside(60).runs.map((one) => {
          const late = { ...event(18.7, 'quarantine'), tenant: 'canary-1', until: at(60) };
          if (one.workflowId === 'the lane before') return { ...one, events: [...one.events, late] };
          return one.type === 'MoveLatest' ? { ...one, startedAt: at(18.5) } : one;
        }),
      }),
    ],
    ['a promotion without a smoke on a tenant that was set aside in its soak', setAside(60, 15)],
    ['a promotion without a smoke on a tenant whose quarantine ended in its soak', setAside(15)],
    ['a quarantine whose end a clock that jumped did not see', { ...setAside(4.5), jumpMs: 90_000 }],
  ])('accepts %s', (_what, evidence) => {
    expect(check(evidence)).toEqual([]);
  });
});

test('the timeline shows writes, runs, decisions and violations in order', () => {
  const evidence = more({ runs: approved, writes: [...GOOD.writes, ...writes(30, B, 'gate', [PLATFORM])] });
  const drawn = timeline(evidence, [{ at: at(4), what: 'green 7' }], check(evidence)).split('\n');
  expect(drawn.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual(
    expect.arrayContaining([
      '4.0 s chaos green 7',
      '8.0 s canary-1 runs bbbbbbb',
      '19.0 s b takes approve of ada',
      `21.0 s gate :latest of ${TENANT} -> bbbbbbb (bbbbbbb)`,
      expect.stringContaining('30.0 s !! I4 gate/platform was moved'),
    ]),
  );
});
