import { describe, expect, test } from 'vitest';
import type { LaneState, MoveDecision, MoveQuestion } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { pause } from '../../src/lane/commands.js';
import { authorizeMove, LEASE_MS, leaseLeft, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { MAX_KEPT } from '../../src/lane/state.js';
import { ATTRIBUTION, digestOf, done, laneAt, NOON, promote, question, run, shaOf } from './lane-support.js';

function holding(letter: string, state = laneAt('1')): LaneState {
  enqueue(state, run(letter));
  grant(state, NOON);
  return state;
}
/** Lane on which build a is being moved. */
function moving(): LaneState {
  const state = holding('a');
  authorizeMove(state, question('a', '1'), NOON);
  return state;
}
const rollback = (letter: string, force = false) => ({
  workflowId: `rollback-${shaOf(letter)}`,
  runId: 'back',
  sha: shaOf(letter),
  force,
});
const back = (letter: string) => question(letter, '1', { kind: 'rollback', parent: 'back', mover: 'm-back' });
const mark = (letter: string, ...digests: ReturnType<typeof digestOf>[]) => ({
  sha: shaOf(letter),
  digests,
  since: 'then',
  by: 'bob',
  reason: 'slow',
});
const ALLOW: MoveDecision = { decision: 'allow' };

describe('a write lease is refused, and the mover learns why:', () => {
  const rolledBack = 'rolled back on then by bob: slow';
  test.each<[string, (state: LaneState) => unknown, MoveQuestion, refusal: string, message: string]>([
    [
      'its run has moved',
      (state) => state.finishedRuns.push('run-a'),
      question('a', '1'),
      'already-moved',
      'canary-release-aaaaaaa has already moved :latest',
    ],
    [
      'it was revoked',
      (state) => {
        authorizeMove(state, question('a', '1'), NOON);
        if (state.move) state.move.leaseRevokedAt = NOON;
      },
      question('a', '1', { begun: true }),
      'lease-revoked',
      'write lease revoked',
    ],
    [
      'another run holds the lane',
      () => undefined,
      question('a', '1', { parent: 'run-x' }),
      'not-holder',
      'canary-release-aaaaaaa does not hold the lane',
    ],
    [
      'it moves to another build than its release',
      () => undefined,
      question('b', '1', { parent: 'run-a' }),
      'foreign',
      'canary-release-bbbbbbb does not move to bbbbbbb',
    ],
    [
      'a rollback is under way, though the lane of its release was not revoked',
      (state) => Object.assign(state, { rollback: rollback('1') }),
      question('a', '1'),
      'not-announced',
      'a rollback to 1111111 is under way',
    ],
    [
      'the lane was revoked',
      ({ holder }) => Object.assign(holder ?? {}, { revocation: { revoked: 'dropped' } }),
      question('a', '1'),
      'not-holder',
      'dropped',
    ],
    [
      'the lane is paused',
      (state) => pause(state, ATTRIBUTION, undefined, NOON),
      question('a', '1'),
      'paused',
      'paused by ada: looked at it',
    ],
    [
      'its rollback was not announced',
      () => undefined,
      back('1'),
      'not-announced',
      'rollback-1111111 is not the rollback that was announced last',
    ],
    [
      'it moves to another build than its rollback',
      (state) => Object.assign(state, { rollback: rollback('1') }),
      back('a'),
      'foreign',
      'rollback-aaaaaaa does not move to aaaaaaa',
    ],
    [
      'the target of its rollback is known-bad',
      (state) => {
        state.rollback = rollback('a');
        state.ledger.knownBad.push(mark('a'));
      },
      back('a'),
      'needs-force',
      `aaaaaaa was ${rolledBack}`,
    ],
    [
      'the content of that target is known-bad under another sha',
      (state) => {
        state.rollback = rollback('a');
        state.ledger.knownBad.push(mark('f', digestOf(shaOf('a'), 1)));
      },
      back('a'),
      'needs-force',
      `aaaaaaa was ${rolledBack}`,
    ],
  ])('%s', (_why, change, asked, refusal, message) => {
    const state = holding('a');
    change(state);
    expect(authorizeMove(state, asked, NOON)).toEqual({ decision: 'deny', refusal, message });
  });

  test('a rollback with force goes to what is known-bad', () => {
    const state = laneAt('1');
    state.rollback = rollback('a', true);
    state.ledger.knownBad.push(mark('a'), mark('f', digestOf(shaOf('a'), 1)));
    expect(authorizeMove(state, back('a'), NOON)).toEqual(ALLOW);
  });

  test.each([
    [true, true, true, 'allow'],
    [false, true, true, 'deny'],
    [true, false, true, 'deny'],
    [true, true, false, 'deny'],
  ])(
    'content that is known-bad needs a promotion by hand (%s), forced (%s), by its own mover too (%s)',
    (promoteOnly, force, own, decision) => {
      const state = holding('a');
      Object.assign(state.holder ?? {}, { promoteOnly, force });
      state.ledger.knownBad.push(mark('f', digestOf(shaOf('a'), 1)));
      expect(authorizeMove(state, question('a', '1', own ? { force: true } : {}), NOON)).toMatchObject({ decision });
    },
  );

  test('a :latest that moved is refused a minute after the last move, and not later', () => {
    const state = laneAt('1');
    promote(state, 'b', '1');
    holding('c', state);
    expect(authorizeMove(state, question('c', '1'), NOON + 59_999)).toEqual({ decision: 'retry' });
    expect(authorizeMove(state, question('c', '1'), NOON + 60_000)).toMatchObject({ refusal: 'latest-moved' });
  });
});

describe('a move that has begun', () => {
  test('goes on in a pause, also with another mover of its run', () => {
    const state = moving();
    pause(state, ATTRIBUTION, undefined, NOON);
    expect(authorizeMove(state, question('a', '1', { mover: 'again' }), NOON)).toEqual(ALLOW);
  });

  test('is revoked by the request of another run, and forgotten once no write of it can be in flight', () => {
    const state = moving();
    state.finishedRuns = Array.from({ length: MAX_KEPT }, (_, nth) => `old-${nth}`);
    state.rollback = rollback('1');
    expect(authorizeMove(state, back('1'), NOON + 1_000)).toEqual({ decision: 'retry' });
    expect(authorizeMove(state, question('a', '1', { begun: true }), NOON + 1_000)).toMatchObject({
      refusal: 'lease-revoked',
    });
    expect(authorizeMove(state, back('1'), NOON + LEASE_MS)).toEqual(ALLOW);
    expect(state.finishedRuns).toHaveLength(MAX_KEPT);
    expect(state.finishedRuns.at(-1)).toBe('run-a');
  });

  test('is waited for by others alone, and from its revocation if the clock was set back after that', () => {
    const state = moving();
    expect(leaseLeft(state, { runId: 'run-a' }, NOON)).toBe(0);
    expect(leaseLeft(laneAt('1'), { runId: 'run-a' }, NOON)).toBe(0);
    Object.assign(state.move ?? {}, { leaseGrantedAt: NOON + 5_000, leaseRevokedAt: NOON });
    expect(leaseLeft(state, { runId: 'back' }, NOON + 6_000)).toBe(LEASE_MS - 6_000);
  });
});

describe('the report of a mover', () => {
  const moves = ({ ledger }: LaneState) => ledger.history.map(({ sha }) => sha);
  const report = (state: LaneState, asked: MoveQuestion, images: MovedImage[] | 'stopped') =>
    reportMove(state, { ...asked, images }, NOON);
  const both = (asked: MoveQuestion, ...results: MovedImage['result'][]) =>
    done(asked).map((image, index) => ({ ...image, result: results[index] as MovedImage['result'] }));

  test('leaves the lease of another mover alone', () => {
    const state = moving();
    for (const images of ['stopped', done(question('b', '1'))] as const) report(state, question('b', '1'), images);
    expect(state.move?.moverRunId).toBe('mover-a');
  });

  test.each<[string, (asked: MoveQuestion) => LaneState, MovedImage['result'][], boolean]>([
    ['whose run holds the lane counts without a lease', () => holding('a'), ['already', 'already'], true],
    [
      'whose run was revoked does not count if it wrote nothing',
      () => {
        const state = holding('a');
        if (state.holder) state.holder.revocation = { revoked: 'a rollback to 1111111 was begun by ada' };
        return state;
      },
      ['already', 'already'],
      false,
    ],
    ['with a lease counts, though it wrote nothing', moving, ['already', 'already'], true],
    [
      'of a run that is not expected to move does not count if it wrote nothing',
      () => laneAt('1'),
      ['already', 'already'],
      false,
    ],
    ['of such a run counts if it wrote', () => laneAt('1'), ['already', 'promoted'], true],
  ])('%s', (_what, before, results, counts) => {
    const asked = question('a', '1');
    const state = before(asked);
    report(state, asked, both(asked, ...results));
    expect(moves(state)).toEqual(counts ? [shaOf('1'), shaOf('a')] : [shaOf('1')]);
    expect(state.finishedRuns).toEqual(counts ? ['run-a'] : []);
  });

  test('of the rollback that is under way counts without a lease, and changes no more than the history', () => {
    const state = laneAt('1');
    promote(state, 'a', '1');
    state.rollback = rollback('1');
    state.finishedRuns = Array.from({ length: MAX_KEPT }, (_, nth) => `old-${nth}`);
    state.ledger.consecutivePreemptions = 2;
    report(state, back('1'), both(back('1'), 'already', 'already'));
    expect(moves(state).at(-1)).toBe(shaOf('1'));
    expect(state.ledger.consecutivePreemptions).toBe(2);
    expect(state.finishedRuns).toHaveLength(MAX_KEPT);
    expect(state.finishedRuns.at(-1)).toBe('back');
  });

  test('of a promotion takes no mark off but that of a forced one, off its build alone', () => {
    const state = moving();
    beginRollback(state, { ...rollback('1'), ...ATTRIBUTION }, NOON);
    state.ledger.knownBad.push(mark('f'));
    report(state, question('a', '1'), done(question('a', '1')));
    const bad = () => state.ledger.knownBad.map(({ sha }) => sha);
    expect(bad()).toEqual([shaOf('a'), shaOf('f')]);
    const forced = question('a', '1', { parent: 'run-forced', force: true });
    report(state, forced, done(forced));
    expect(bad()).toEqual([shaOf('f')]);
  });

  test.each<[MovedImage['result'][], string]>([
    [['restored', 'conflict'], 'pair-split'],
    [['unconfirmed', 'promoted'], 'latest-moved'],
  ])('that ended %s puts the lane on hold, and names each image', (results, name) => {
    const state = moving();
    const asked = question('a', '1');
    const [first, second] = both(asked, ...results);
    report(state, asked, [first, { ...second, latest: null }] as MovedImage[]);
    const [one, two] = asked.input.images.map(({ repository }) => repository);
    const why = `the move to aaaaaaa ended with ${one} ${results[0]} at ${first?.latest}, ${two} ${results[1]} at nothing`;
    expect(state.ledger.hold).toMatchObject({ name, why, by: 'ada' });
  });
});
