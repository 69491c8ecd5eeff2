import { expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run } from '../../chaos/checker/evidence.js';
import {
  A,
  asked,
  at,
  B,
  build,
  C,
  digest,
  event,
  GOOD,
  IMAGES,
  more,
  mover,
  on,
  PLATFORM,
  run,
  scheduled,
  TENANT,
  withRuns,
  writes,
} from './forged.js';

// How runs end is judged by lists that are closed: what is not listed is a violation.
const failed = (type: string, id: string, failure: string, other: Partial<Run> = {}) =>
  run(type, id, 24, 26, { status: 'FAILED', failure, ...other });
const [LANE, RELEASE, MOVER] = GOOD.runs as [Run, Run, Run];
const rejected = (other: Partial<Evidence> = {}) => ({
  ...withRuns(failed('CanaryRelease', 'c', 'CanaryRejected', { input: { sha: C } })),
  ...other,
});
const BROKEN = event(6, 'WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE', 'WorkflowTaskFailed');
const moved = { ...scheduled(20, 'moveTags'), attempt: 1 };
const withMover = (other: Partial<Run>, evidence: Partial<Evidence> = {}) =>
  more({ runs: [LANE, RELEASE, { ...MOVER, ...other }], ...evidence });
const TWICE = [...writes(0, A, 'person'), ...writes(21, B), ...writes(21.2, B)];
/** A mover that wrote one image, and ended so; a person makes the pair whole later. */
const half = (failure: string, ...more_: Evidence['writes'][number][]) =>
  withMover(
    { status: 'FAILED', failure },
    {
      writes: [...writes(0, A, 'person'), ...writes(21, B, 'gate', [PLATFORM]), ...more_, ...writes(30, A, 'person')],
      latest: Object.fromEntries(IMAGES.map((name) => [name, digest(A, name)])),
    },
  );
/** The pair is split, and this mover and this lane say so. */
const split = (ofMover: Run['events'], ofLane: Run['events']) =>
  more({
    runs: [
      { ...LANE, events: [...LANE.events, ...ofLane] },
      RELEASE,
      { ...MOVER, status: 'FAILED', failure: 'PairSplit', events: ofMover },
    ],
    writes: [...writes(0, A, 'person'), ...writes(21, B, 'gate', [PLATFORM])],
    latest: { [PLATFORM]: digest(B, PLATFORM), [TENANT]: digest(A, TENANT) },
  });
const [RAISED, ON_HOLD] = [[scheduled(22, 'alarm move-split')], [scheduled(22, 'alarm pair-split')]];

test.each<[string, string, Evidence]>([
  ['I6', 'a release that failed as nothing foresees', withRuns(failed('CanaryRelease', 'c', 'TypeError'))],
  ['I6', 'a rollback that canary rejected', withRuns(failed('Rollback', 'c', 'CanaryRejected'))],
  ['I6', 'a lane that failed', withRuns(failed('ReleaseLane', 'lane 2', 'TypeError'))],
  [
    'I6',
    'the lane itself, if it calls its input invalid',
    withRuns({ ...failed('ReleaseLane', 'lane', 'ConfigInvalid'), runId: 'another' }),
  ],
  ['live', 'a rejection without a cause', rejected()],
  [
    'live',
    'a good build that is not promoted, with nothing in its way',
    more({ runs: [LANE, { ...RELEASE, outcome: 'superseded' }, MOVER], isCalm: true }),
  ],
  ['I6', 'a release that was terminated', withRuns(run('CanaryRelease', 'c', 5, 6, { status: 'TERMINATED' }))],
  ['I6', 'a rollback that was canceled', withRuns(run('Rollback', 'c', 5, 6, { status: 'CANCELED' }))],
  ['I6', 'a run of a type that nothing foresees', withRuns(failed('Unknown', 'c', 'MoveFailed'))],
  ['I6', 'a workflow task that failed by an error of the code', withMover({ events: [BROKEN] })],
  ['I6', 'a mover that wrote each image twice', withMover({ events: [moved] }, { writes: TWICE, staleMs: 0 })],
  ['I2', 'a split pair without an alarm', split([], ON_HOLD)],
  ['I2', 'a split pair for which the lane is not on hold', split(RAISED, [])],
  ['I2', 'half a pair after a mover that timed out', half('TimedOut')],
  ['I2', 'half a pair after a mover that was refused', half('MoveRefused')],
  [
    'I2',
    'a mover that put back what was not there before',
    more({
      ...half('MoveFailed'),
      writes: [
        ...writes(0, A, 'person'),
        ...writes(6, C, 'person'),
        ...writes(21, B, 'gate', [PLATFORM]),
        ...writes(21.5, A, 'gate', [PLATFORM]),
        ...writes(30, A, 'person'),
      ],
    }),
  ],
])('the checker finds %s in %s', (rule, _what, evidence) => {
  expect(check(evidence).map((one) => one.rule)).toContain(rule);
});

test.each<[string, Evidence]>([
  ['a release that canary rejected', rejected({ builds: [build(A, 1), build(B, 2), build(C, 3, true)] })],
  [
    'a rejection after a tenant failed',
    rejected({ tenantRequests: [...GOOD.tenantRequests, ...asked(25, 'GET /events', 502)] }),
  ],
  ['a rejection after a tenant changed', rejected({ tenantStates: [...GOOD.tenantStates, ...on(25, B)] })],
  ['a good build that is promoted', more({ runs: [LANE, { ...RELEASE, outcome: 'promoted' }, MOVER], isCalm: true })],
  ["a stranger's lane under another id", withRuns(failed('ReleaseLane', 'lane 2', 'ConfigInvalid'))],
  ['a lane that was terminated', withRuns(run('ReleaseLane', 'lane 2', 5, 6, { status: 'TERMINATED' }))],
  ['a mover that a rollback terminated', withRuns(run('MoveLatest', 'm', 5, 6, { status: 'TERMINATED' }))],
  ["a stranger's addition of a tenant", withRuns(failed('AddCanaryTenant', 'add', 'ConfigInvalid'))],
  ['a mover that wrote each image once', withMover({ events: [moved] })],
  [
    'a mover whose second attempt wrote again',
    withMover({ events: [{ ...moved, attempt: 2 }] }, { writes: TWICE, staleMs: 0 }),
  ],
  [
    'a mover that wrote again what was not answered',
    withMover(
      { events: [moved] },
      { staleMs: 0, writes: TWICE.map((one) => (one.at === at(21) ? { ...one, sentAt: one.at } : one)) },
    ),
  ],
  [
    'a mover that wrote again what was not answered, and was carried out late',
    withMover(
      { events: [moved] },
      {
        staleMs: 0,
        writes: TWICE.map((one) => (one.at === at(21.2) ? { ...one, sentAt: at(20.9) } : one)),
      },
    ),
  ],
  [
    'a mover that ended before the next one wrote the same build',
    withMover({ events: [moved], closedAt: at(21.1) }, { writes: TWICE, staleMs: 0 }),
  ],
  ['a split pair with its alarms', split(RAISED, ON_HOLD)],
])('the checker accepts %s', (_what, evidence) => {
  expect(check(evidence)).toEqual([]);
});

test('a mover that ended beside another one that wrote is not judged by what that one left', () => {
  const rollback = run('Rollback', 'back', 21, 40, { input: { sha: A } });
  const evidence = more({
    runs: [
      LANE,
      RELEASE,
      { ...MOVER, closedAt: at(26), status: 'FAILED', failure: 'MoveRefused' },
      rollback,
      mover(A, 23, 39, 'back', 'rollback'),
    ],
    writes: [
      ...writes(0, A, 'person'),
      ...writes(21, B, 'gate'),
      ...writes(25, A, 'gate', [TENANT]),
      ...writes(27, A, 'gate', [PLATFORM]),
    ],
    announced: [{ at: at(22), runId: 'run of back' }],
    latest: Object.fromEntries(IMAGES.map((name) => [name, digest(A, name)])),
  });
  expect(check(evidence).filter(({ rule }) => rule === 'I2')).toEqual([]);
});
