import { expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run, RunEvent, Write } from '../../chaos/checker/evidence.js';
import { A, at, B, C, digest, event, GOOD, leases, more, mover, run, writes } from './forged.js';

// What stops a promotion: a pause, a rollback, and a hand. GOOD begins to move at 20 s, has its lease at 20.5 s and writes at 21 s.
const [, RELEASE, MOVER] = GOOD.runs as [Run, Run, Run];
const lane = (...events: RunEvent[]) => run('ReleaseLane', 'lane', 0, null, { events: [event(1, 'adopt'), ...events] });
const commanded = (...events: RunEvent[]) => more({ runs: [lane(...events), RELEASE, MOVER] });
const rollback = (announcedAt: number, to: number, ...others: Run[]) =>
  more({
    runs: [...GOOD.runs, run('Rollback', 'back', 5, to, { status: 'FAILED', failure: 'MoveRefused' }), ...others],
    announced: [{ at: at(announcedAt), runId: 'run of back' }],
  });
/** A person moves :latest by hand at 6 s, and this happens since. */
const byHand = (events: RunEvent[], ...others: Run[]) =>
  more({
    runs: [lane(...events), RELEASE, MOVER, ...others],
    writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...writes(21, B)],
  });
/** The same after A was adopted, and this is written since. */
const takenBack = (...since: Write[]) => ({
  ...byHand([event(1, 'adopt')]),
  writes: [...writes(0, A, 'person'), ...writes(6, C, 'person'), ...since, ...writes(21, B)],
});
/** The lane refuses the promotion, and lets the rollback to the same build write within two seconds. */
const SAME_BUILD = more({
  runs: [
    lane(),
    { ...RELEASE, status: 'FAILED', failure: 'CanaryAborted', closedAt: at(20.7) },
    { ...MOVER, status: 'FAILED', failure: 'MoveRefused', closedAt: at(20.6) },
    run('Rollback', 'back', 19.7, 23, { input: { sha: B } }),
    mover(B, 20.8, 22, 'back', 'rollback'),
  ],
  grants: leases([20.9, 20.8]),
  announced: [{ at: at(19.8), runId: 'run of back' }],
});
/** The release moves twice: its first mover ended so, with a report or without; then came this; then the second one wrote. */
const movedTwice = (status: string, isReported: boolean, ...events: RunEvent[]) =>
  more({
    runs: [
      lane(...events),
      { ...RELEASE, closedAt: at(36) },
      { ...MOVER, status, failure: status === 'FAILED' ? 'MoveFailed' : null },
      mover(B, 31, 35, 'b'),
    ],
    writes: [...writes(0, A, 'person'), ...writes(21, B), ...writes(21.5, A), ...writes(32, B)],
    grants: leases([20.5, 20], [31.5, 31]),
    reports: isReported ? leases([21.9, 20]) : [],
  });
/** A rollback that a person forced writes without a lease. */
const unleased = (input: object) =>
  more({
    runs: [
      ...GOOD.runs,
      run('Rollback', 'back', 30, 34, { input: { sha: A, force: true } }),
      { ...BACK, input: { ...BACK.input, ...input } },
    ],
    writes: [...GOOD.writes, ...writes(32, A)],
    grants: GOOD.grants.slice(0, 1),
    latest: Object.fromEntries(GOOD.repositories.map((name) => [name, digest(A, name)])),
  });
const BACK = mover(A, 31, 33, 'back', 'rollback');
/** A person moves C by hand, which is newer than B, and adopts it. */
const adopted = (sha?: string) => byHand([{ ...event(8, 'adopt'), ...(sha && { sha }) }]);
const NAMING = run('CanaryRelease', 'd', 8, 12, { input: { sha: B }, status: 'FAILED', failure: 'MoveFailed' });
const NAMER = { ...mover(B, 9, 11, 'd'), status: 'FAILED', failure: 'MoveFailed' };
const FAILED = run('Rollback', 'back', 8, 12, { input: { sha: A }, status: 'FAILED', failure: 'MoveRefused' });

test.each<[string, string, Evidence]>([
  ['I4', 'a promotion that was let write 10 s after a pause', commanded(event(10, 'pause'))],
  ['I4', 'a promotion that was let write right after a pause', commanded(event(20.2, 'pause'))],
  [
    'I4',
    'a promotion in a pause that was ended and given again',
    commanded(event(8, 'pause'), event(9, 'resume'), event(10, 'pause')),
  ],
  ['I4', 'a promotion that was let write while a rollback was under way for 14 s', rollback(6.5, 40)],
  ['I4', 'a promotion that was let write right after a rollback announced itself', rollback(20.2, 40)],
  [
    'I4',
    'a promotion whose lease was renewed after a rollback announced itself',
    { ...rollback(20.7, 40), grants: leases([20.5, 20], [20.9, 20]) },
  ],
  [
    'I4',
    'a second move during a pause, after the first one was reported',
    movedTwice('FAILED', true, event(25, 'pause')),
  ],
  ['I4', 'a forced rollback without a lease, although the lane answers', unleased({})],
  ['I4', 'a promotion of an older build than the one that was adopted', adopted(C)],
  [
    'I8',
    'a promotion over a hand after an adoption that was refused',
    byHand([{ ...event(8, 'adopt'), isRefused: true }]),
  ],
  ['I8', 'a promotion over a hand after a hold was lifted, which adopts nothing', byHand([event(8, 'unhold')])],
  [
    'I8',
    'a promotion over a hand after a rollback that wrote nothing',
    byHand([], FAILED, { ...mover(A, 9, 11, 'back', 'rollback'), status: 'FAILED', failure: 'MoveRefused' }),
  ],
  [
    'I8',
    'a promotion over a hand that a person replaced by another one right before it',
    takenBack(...writes(20.9, 'ddddddd', 'person')),
  ],
  [
    'I8',
    'a promotion over a hand in the soak',
    more({ writes: [...writes(0, A, 'person'), ...writes(13.5, C, 'person'), ...writes(21, B)] }),
  ],
])('the checker finds %s in %s', (rule, _what, evidence) => {
  expect(check(evidence).map((one) => one.rule)).toContain(rule);
});

test.each<[string, Evidence]>([
  ['a promotion that was let write before a pause', commanded(event(20.8, 'pause'))],
  ['a promotion after a pause', commanded(event(8, 'pause'), event(9, 'resume'))],
  ['a promotion in a pause that the lane refused', commanded({ ...event(8, 'pause'), isRefused: true })],
  ['a promotion after a rollback that was refused', rollback(6.5, 7)],
  ['a promotion that was let write before a rollback announced itself', rollback(20.8, 40)],
  ['a rollback to the very build of a promotion that was refused for it', SAME_BUILD],
  ['a promotion over a hand that was adopted', byHand([event(8, 'adopt')])],
  ['a promotion over a hand that a person took back right before it', takenBack(...writes(20.9, A, 'person'))],
  ['a promotion of a newer build than the one that was adopted', adopted(A)],
  [
    'a move that goes on in a pause, for its first mover was terminated',
    movedTwice('TERMINATED', false, event(25, 'pause')),
  ],
  ['a second move of a release after a pause', movedTwice('FAILED', true, event(25, 'pause'), event(28, 'resume'))],
  ['a forced rollback without a lease, while the lane is silent', unleased({ laneUnavailable: true })],
  [
    'a promotion over a hand that a failed move named, and whose hold a person lifted',
    byHand([event(12, 'unhold')], NAMING, NAMER),
  ],
  [
    'a promotion over a hand that a failed move named, and whose hold a person lifted between its report and its end',
    { ...byHand([event(10.9, 'unhold')], NAMING, NAMER), reports: leases([10.8, 9]) },
  ],
])('the checker accepts %s', (_what, evidence) => {
  expect(check(evidence)).toEqual([]);
});

test('a write that was sent before a hand, and carried out late, is not over it', () => {
  const late = (sentAt: number) => {
    const own = writes(21, B).map((one) => ({ ...one, sentAt: at(sentAt) }));
    return check(more({ writes: [...writes(0, A, 'person'), ...writes(15, C, 'person'), ...own] })).map(
      (one) => one.rule,
    );
  };
  expect(late(21)).toContain('I8');
  expect(late(14)).not.toContain('I8');
});

test('a hand that the mover before took for a lagging read, and wrote over, is not at :latest any more', () => {
  const after = (...since: Write[]) =>
    check({
      ...more({ staleMs: 6_000 }),
      writes: [...writes(0, A, 'person'), ...writes(9, C, 'person'), ...since, ...writes(21, B)],
    }).map(({ rule }) => rule);
  expect(after()).toContain('I8');
  expect(after(...writes(14, A, 'gate'))).not.toContain('I8');
});
