import { expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run } from '../../chaos/checker/evidence.js';
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
  latestOf,
  leases,
  more,
  mover,
  PLATFORM,
  run,
  writes,
} from './forged.js';

// What a person names is judged too: in place of GOOD a rollback, a promotion without a test, or a restored pair after it.
const back = (input: object, other: Partial<Run> = {}) =>
  run('Rollback', 'back', 30, 34, { input: { sha: A, ...input }, ...other });
/** A rollback from B to a build, by a mover from 31 to 33. */
const rolledBack = (to: string, input: object = {}, other: Partial<Evidence> = {}) =>
  more({
    runs: [...GOOD.runs, back({ sha: to, ...input }), mover(to, 31, 33, 'back', 'rollback')],
    writes: [...GOOD.writes, ...writes(32, to)],
    announced: [{ at: at(30.5), runId: 'run of back' }],
    latest: latestOf(to),
    ...other,
  });
/** After a rollback from B to A, a run moves B again, by a mover from 51 to 53. */
const again = (type: string, input: object = {}, ...commands: ReturnType<typeof event>[]) => {
  const rollback = rolledBack(A);
  return more({
    runs: [
      run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), ...commands] }),
      ...rollback.runs.slice(1),
      run(type, 'again', 50, 54, { input: { sha: B, ...input }, events: [event(50.5, 'approve')] }),
      mover(B, 51, 53, 'again', type === 'Rollback' ? 'rollback' : 'promotion'),
    ],
    writes: [...rollback.writes, ...writes(52, B)],
    grants: [...GOOD.grants, ...leases([51.5, 51])],
    announced: [...rollback.announced, ...(type === 'Rollback' ? [{ at: at(50.5), runId: 'run of again' }] : [])],
  });
};
const REJECTED = run('CanaryRelease', 'c', 3, 8, { input: { sha: C }, status: 'FAILED', failure: 'CanaryRejected' });
const toRejected = (input: object = {}) => {
  const evidence = rolledBack(C, input);
  return { ...evidence, runs: [...evidence.runs, REJECTED] };
};
/** A mover of C whose write of the other image failed, and that put A back in place of what is there. */
const restored = (...own: Evidence['writes'][number][]) =>
  more({
    runs: [
      ...GOOD.runs,
      run('CanaryRelease', 'c', 22, 40, {
        input: { sha: C, promoteOnly: true },
        status: 'FAILED',
        failure: 'MoveFailed',
      }),
      { ...mover(C, 31, 39, 'c'), status: 'FAILED', failure: 'MoveFailed' },
    ],
    writes: [...GOOD.writes, ...own, ...writes(38, A, 'gate', own.length > 0 ? [PLATFORM] : IMAGES)],
    latest: latestOf(A),
  });
const inNameOf = (parent: Run, own: Run) =>
  more({ runs: [...GOOD.runs, parent, own], writes: [...GOOD.writes, ...writes(32, C)], latest: latestOf(C) });

test.each<[string, Evidence]>([
  ['a rollback to A whose mover moved C', inNameOf(back({}), mover(C, 31, 33, 'back', 'rollback'))],
  [
    'a rollback to A whose mover wrote the images of C',
    inNameOf(back({}), {
      ...mover(C, 31, 33, 'back', 'rollback'),
      input: { ...mover(C, 31, 33, 'back', 'rollback').input, sha: A },
    }),
  ],
  ['a mover that put A back over B, and had moved nothing', restored()],
  ['a mover that put A back over its own build, which a person had put there', restored(...writes(26, C, 'person'))],
  [
    'a mover that put A back over what a person moved long after its own write',
    restored(...writes(31.5, C, 'gate', [PLATFORM]), ...writes(31.6, B, 'person', [PLATFORM])),
  ],
  ['an approved promotion of a build that was rolled back from', again('CanaryRelease')],
  ['a promotion without a test of a build that was rolled back from', again('CanaryRelease', { promoteOnly: true })],
  ['an unforced rollback to a build that was rolled back from', again('Rollback')],
  ['an unforced rollback to a build that canary rejected', toRejected()],
])('the checker finds I1 in %s', (_what, evidence) => {
  expect(check(evidence).map(({ rule }) => rule)).toContain('I1');
});

test.each<[string, Evidence]>([
  ['a rollback', rolledBack(A)],
  [
    'a forced promotion of a build that was rolled back from',
    again('CanaryRelease', { promoteOnly: true, force: true }),
  ],
  ['a forced rollback to a build that was rolled back from', again('Rollback', { force: true })],
  [
    'a build whose mark a person took off',
    again('CanaryRelease', { promoteOnly: true }, { ...event(45, 'unbad'), sha: B.slice(0, 7) }),
  ],
  ['a forced rollback to a build that canary rejected', toRejected({ force: true })],
  [
    'a rollback that a person forced while it ran',
    (() => {
      const evidence = toRejected();
      const forced = { events: [event(30.2, 'force')] };
      return { ...evidence, runs: evidence.runs.map((one) => (one.type === 'Rollback' ? { ...one, ...forced } : one)) };
    })(),
  ],
  ['a pair that its mover put back', { ...restored(...writes(32, C, 'gate', [PLATFORM])), ...backToB() }],
])('the checker accepts %s', (_what, evidence) => {
  expect(check(evidence)).toEqual([]);
});

/** The mover of C found B at :latest, and puts that back. */
function backToB(): Partial<Evidence> {
  const own = mover(C, 31, 39, 'c');
  const images = IMAGES.map((name) => ({ repository: name, to: digest(C, name), from: digest(B, name) }));
  return {
    runs: restored().runs.map((one) => (one.runId === own.runId ? { ...one, input: { ...own.input, images } } : one)),
    writes: [...GOOD.writes, ...writes(32, C, 'gate', [PLATFORM]), ...writes(33, B, 'gate', [PLATFORM])],
    builds: [build(A, 1), build(B, 2), build(C, 3)],
    latest: latestOf(B),
  };
}
