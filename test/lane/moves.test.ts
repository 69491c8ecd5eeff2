import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { adopt, pause, unhold } from '../../src/lane/commands.js';
import { authorizeMove, LEASE_MS, leaseLeft, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { ATTRIBUTION, digestOf, done, laneAt, NOON, promote, question, run, shaOf, tagsOf } from './lane-support.js';

function holding(letter: string, state = laneAt('1')): LaneState {
  enqueue(state, run(letter));
  grant(state, NOON);
  return state;
}
const rollbackTo = (letter: string, more: { force?: boolean; runId?: string } = {}) => ({
  workflowId: `rollback-${shaOf(letter)}`,
  runId: more.runId ?? `back-${letter}`,
  sha: shaOf(letter),
  force: more.force ?? false,
  ...ATTRIBUTION,
});

describe('a promotion gets a write lease', () => {
  test('when its run holds the lane and :latest is where the last move left it', () => {
    expect(authorizeMove(holding('a'), question('a', '1'), NOON)).toEqual({ decision: 'allow' });
  });

  test('repeatedly while it moves, also for another try of its mover', () => {
    const state = holding('a');
    authorizeMove(state, question('a', '1'), NOON);
    expect(authorizeMove(state, question('a', 'a'), NOON + 5_000)).toEqual({ decision: 'allow' });
  });
});

describe('a question in the name of a mover, by any client,', () => {
  test('takes no mark off a build that is not the one of its release', () => {
    const state = holding('b');
    state.ledger.knownBad.push({ sha: shaOf('a'), digests: [], since: new Date(NOON).toISOString(), ...ATTRIBUTION });
    const forged = { ...question('a', '1'), parent: question('b', '1').parent };
    expect(authorizeMove(state, forged, NOON)).toMatchObject({ decision: 'deny', refusal: 'foreign' });
    expect(state.ledger.knownBad.map(({ sha }) => sha)).toEqual([shaOf('a')]);
    expect(state.move).toBeNull();
  });

  test('sends no rollback to another build', () => {
    const state = laneAt('1');
    promote(state, 'a', '1');
    beginRollback(state, rollbackTo('1'), NOON + 100_000);
    const forged = question('b', 'a', { kind: 'rollback', parent: 'back-1' });
    expect(authorizeMove(state, forged, NOON + 100_000)).toMatchObject({ decision: 'deny', refusal: 'foreign' });
  });

  test('does not accept the hold of the lane for it', () => {
    const state = holding('a');
    state.ledger.hold = { name: 'latest-moved', why: 'crane', by: 'the lane', since: new Date(NOON).toISOString() };
    authorizeMove(state, question('a', '1', { accepted: true }), NOON);
    expect(authorizeMove(state, question('a', '1'), NOON)).toMatchObject({ decision: 'deny', refusal: 'lane-held' });
    expect(authorizeMove(state, question('a', '1', { accepted: true }), NOON)).toEqual({ decision: 'allow' });
  });

  test('does not say for it where :latest is', () => {
    const state = holding('a', laneAt('1'));
    expect(authorizeMove(state, question('a', '1'), NOON)).toEqual({ decision: 'allow' });
    expect(authorizeMove(state, question('a', '2'), NOON)).toMatchObject({ decision: 'deny', refusal: 'latest-moved' });
    expect(authorizeMove(state, question('a', '2', { begun: true }), NOON)).toEqual({ decision: 'allow' });
  });
});

test('a newer build was promoted in the meantime: no flags that another person asked for the lane with make up for it', () => {
  const state = holding('a');
  Object.assign(state.holder ?? {}, { manual: true });
  state.ledger.newestPromoted = { sha: shaOf('b'), key: { sequence: 0, seen: 99 } };
  expect(authorizeMove(state, question('a', '1'), NOON)).toMatchObject({ decision: 'deny', refusal: 'superseded' });
  expect(authorizeMove(state, question('a', '1', { manual: true }), NOON)).toEqual({ decision: 'allow' });
});

describe('a promotion is refused', () => {
  test('while the lane is paused, until the pause expires', () => {
    const state = holding('b', laneAt('1'));
    pause(state, ATTRIBUTION, new Date(NOON + 60_000).toISOString(), NOON);
    expect(authorizeMove(state, question('b', '1'), NOON)).toMatchObject({ message: 'paused by ada: looked at it' });
    expect(authorizeMove(state, question('b', '1'), NOON + 60_000)).toEqual({ decision: 'allow' });
  });

  test.each<[why: string, state: () => LaneState, words: string]>([
    ['when no release holds the lane', () => laneAt('1'), 'canary-release-aaaaaaa does not hold the lane'],
    ['when another run holds the lane', () => holding('b'), 'canary-release-aaaaaaa does not hold the lane'],
    [
      'when the lane was revoked',
      () => {
        const state = holding('a');
        if (state.holder) state.holder.revocation = { revoked: 'dropped' };
        return state;
      },
      'dropped',
    ],
    [
      'when it is known-bad by its digest',
      () => {
        const state = holding('a');
        state.ledger.knownBad.push({
          sha: shaOf('f'),
          digests: [digestOf(shaOf('a'), 1)],
          since: 'then',
          by: 'bob',
          reason: 'slow',
        });
        return state;
      },
      'aaaaaaa was rolled back on then by bob: slow',
    ],
    [
      'when a newer build was promoted in the meantime',
      () => {
        const state = holding('a');
        promote(holding('b', { ...laneAt('1') }), 'b', '1');
        state.ledger.newestPromoted = { sha: shaOf('b'), key: { sequence: 0, seen: 99 } };
        return state;
      },
      'bbbbbbb is newer and was promoted in the meantime',
    ],
  ])('%s', (_why, state, words) => {
    expect(authorizeMove(state(), question('a', '1'), NOON)).toMatchObject({ message: words });
  });

  test('when its run has already moved :latest: a mover that is reset under its parent passes every other test', () => {
    const state = holding('a');
    const request = question('a', '1');
    authorizeMove(state, request, NOON);
    reportMove(state, { ...request, images: done(request) }, NOON);
    expect(authorizeMove(state, question('a', 'a', { mover: 'again' }), NOON)).toMatchObject({
      message: 'canary-release-aaaaaaa has already moved :latest',
    });
  });

  test('but not when every image was restored: its run may try again', () => {
    const state = holding('a');
    const request = question('a', '1');
    authorizeMove(state, request, NOON);
    reportMove(state, { ...request, images: done(request, 'restored') }, NOON);
    expect(authorizeMove(state, question('a', '1', { mover: 'again' }), NOON)).toEqual({ decision: 'allow' });
  });
});

describe('a :latest that the ledger did not put there (I8)', () => {
  test('stops a promotion, and the digests are named', () => {
    expect(authorizeMove(holding('a'), question('a', '2'), NOON)).toMatchObject({
      message: expect.stringMatching(
        /^registry.example\/platform:latest stands at sha256:2{7}0+; .*, not where the last move left it: it was moved from outside$/,
      ),
      latest: tagsOf('2'),
    });
  });

  test('is read again within a minute of a move', () => {
    const state = laneAt('1');
    promote(state, 'b', '1');
    holding('c', state);
    expect(authorizeMove(state, question('c', '1'), NOON + 59_000)).toEqual({ decision: 'retry' });
    expect(authorizeMove(state, question('c', '1'), NOON + 61_000)).toMatchObject({ message: expect.any(String) });
  });

  test('does not stop a promotion once a person accepted exactly that, or adopted it', () => {
    const state = holding('a');
    expect(authorizeMove(state, question('a', '3', { accepted: true, from: '2' }), NOON)).toMatchObject({
      message: expect.any(String),
    });
    expect(authorizeMove(state, question('a', '2', { accepted: true }), NOON)).toEqual({ decision: 'allow' });
    const adopted = holding('a');
    adopt(adopted, tagsOf('2'), null, ATTRIBUTION, NOON);
    expect(authorizeMove(adopted, question('a', '2'), NOON)).toEqual({ decision: 'allow' });
  });

  test('never stops a rollback', () => {
    const state = laneAt('1');
    beginRollback(state, rollbackTo('1'), NOON);
    expect(authorizeMove(state, question('1', '2', { kind: 'rollback', parent: 'back-1' }), NOON)).toEqual({
      decision: 'allow',
    });
  });
});

describe('two movers', () => {
  test('never have a write lease at once: the second waits until no write of the first can be in flight, counted from its last grant', () => {
    const state = holding('a');
    authorizeMove(state, question('a', '1'), NOON - 5_000);
    expect(authorizeMove(state, question('a', '1', { begun: true }), NOON)).toEqual({ decision: 'allow' });
    beginRollback(state, rollbackTo('1'), NOON + 1_000);
    const back = question('1', '1', { kind: 'rollback', parent: 'back-1', mover: 'back' });
    expect(authorizeMove(state, back, NOON + 2_000)).toEqual({ decision: 'retry' });
    expect(authorizeMove(state, question('a', '1'), NOON + 3_000)).toMatchObject({ message: 'write lease revoked' });
    expect(authorizeMove(state, back, NOON + LEASE_MS - 1)).toEqual({ decision: 'retry' });
    expect(leaseLeft(state, { runId: 'back-1' }, NOON + LEASE_MS - 1)).toBe(1);
    expect(authorizeMove(state, back, NOON + LEASE_MS)).toEqual({ decision: 'allow' });
  });

  test('do not wait for each other once the first reports that it stopped', () => {
    const state = holding('a');
    const request = question('a', '1');
    authorizeMove(state, request, NOON);
    beginRollback(state, rollbackTo('1'), NOON + 1_000);
    reportMove(state, { ...request, images: 'stopped' }, NOON + 1_100);
    const back = question('1', '1', { kind: 'rollback', parent: 'back-1', mover: 'back' });
    expect(authorizeMove(state, back, NOON + 1_200)).toEqual({ decision: 'allow' });
  });

  test('of one parent do not wait for each other: the second takes over', () => {
    const state = holding('a');
    authorizeMove(state, question('a', '1'), NOON);
    expect(authorizeMove(state, question('a', '1', { mover: 'again' }), NOON)).toEqual({ decision: 'allow' });
  });
});

describe('the report of a move that did not succeed', () => {
  test('changes nothing when its run did not hold the lane and found every image at its target', () => {
    const state = holding('b');
    const request = question('a', 'a');
    reportMove(state, { ...request, images: done(request, 'already') }, NOON);
    expect(state.ledger).toEqual(holding('b').ledger);
  });

  test('puts the lane on hold, names each digest, and becomes the expected latest', () => {
    const state = holding('a');
    const request = question('a', '1');
    authorizeMove(state, request, NOON);
    const [first, second] = done(request);
    const images = [first, { ...second, result: 'failed', latest: digestOf(shaOf('1'), 1) }] as (typeof first)[];
    reportMove(state, { ...request, images: images as never }, NOON);
    expect(state.ledger.hold).toMatchObject({
      name: 'pair-split',
      why: expect.stringContaining(digestOf(shaOf('1'), 1)),
    });
    expect(state.ledger.expectedLatest?.images.map(({ digest }) => digest)).toEqual([
      digestOf(shaOf('a'), 0),
      digestOf(shaOf('1'), 1),
    ]);
    expect(state.ledger.newestPromoted?.sha).toBe(shaOf('1'));
  });
});

describe('a rollback', () => {
  const three = () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    promote(state, 'c', 'b', NOON + 120_000);
    return state;
  };
  const badOf = ({ ledger }: LaneState) => ledger.knownBad.map(({ sha }) => sha).sort();
  const carryOut = (state: LaneState, to: string, from: string, runId: string, now: number) => {
    beginRollback(state, rollbackTo(to, { runId, force: true }), now);
    const request = question(to, from, { kind: 'rollback', parent: runId, mover: `m-${runId}` });
    expect(authorizeMove(state, request, now)).toEqual({ decision: 'allow' });
    reportMove(state, { ...request, images: done(request) }, now);
    state.rollback = null;
  };

  test('marks every build after its target as known-bad, puts the lane on hold, and revokes the holder', () => {
    const state = three();
    holding('d', state);
    beginRollback(state, rollbackTo('a'), NOON + 200_000);
    expect(badOf(state)).toEqual([shaOf('b'), shaOf('c')]);
    expect(state.ledger.hold).toMatchObject({
      name: 'after-rollback',
      why: 'a rollback to aaaaaaa was begun by ada: looked at it',
    });
    expect(state.holder?.revocation).toEqual({ revoked: 'a rollback to aaaaaaa was begun by ada: looked at it' });
  });

  test('to an older build and then to one in between leaves both good', () => {
    const state = three();
    carryOut(state, 'a', 'c', 'first', NOON + 200_000);
    carryOut(state, 'b', 'a', 'second', NOON + 400_000);
    expect(badOf(state)).toEqual([shaOf('c')]);
  });

  test.each([
    ['never promoted', 'f', /^fffffff was never promoted here$/],
    ['bad', 'c', /^ccccccc was rolled back on .* by ada: looked at it$/],
  ])('to a build that is %s is refused without force, and changes nothing', (_, target, words) => {
    const state = three();
    carryOut(state, 'b', 'c', 'first', NOON + 200_000);
    const before = structuredClone(state);
    const request = rollbackTo(target, { runId: 'second' });
    expect(beginRollback(state, request, NOON + 400_000)).toEqual({
      refused: expect.stringMatching(words),
      refusal: 'needs-force',
    });
    expect(state).toEqual(before);
    expect(beginRollback(state, { ...request, force: true }, NOON + 400_000)).toBeNull();
    expect(state.ledger.knownBad.some(({ sha }) => sha === shaOf(target))).toBe(false);
  });

  test('removes waiting releases whose build is now known-bad from the queue', () => {
    const state = three();
    holding('d', state);
    enqueue(state, run('c', { runId: 'again', manual: true }));
    enqueue(state, run('e'));
    beginRollback(state, rollbackTo('b'), NOON + 200_000);
    expect(state.queue.map(({ sha }) => sha)).toEqual([shaOf('e')]);
    expect(state.answers.at(-1)).toMatchObject({ runId: 'again', knownBad: expect.stringMatching(/^rolled back on /) });
  });

  test('marks the build whose move is under way as known-bad', () => {
    const state = three();
    holding('d', state);
    authorizeMove(state, question('d', 'c'), NOON + 200_000);
    beginRollback(state, rollbackTo('c'), NOON + 201_000);
    expect(badOf(state)).toEqual([shaOf('d')]);
  });

  test('keeps its hold when an approved promotion ends that was under way', () => {
    const state = three();
    holding('d', state);
    const moving = question('d', 'c', { accepted: true });
    expect(authorizeMove(state, moving, NOON + 200_000)).toEqual({ decision: 'allow' });
    beginRollback(state, rollbackTo('c'), NOON + 201_000);
    reportMove(state, { ...moving, images: done(moving) }, NOON + 202_000);
    expect(state.ledger.hold).toMatchObject({ name: 'after-rollback' });
  });

  test('is not overwritten in the ledger by a late report of the mover before it', () => {
    const state = three();
    holding('d', state);
    const late = question('d', 'c');
    authorizeMove(state, late, NOON + 200_000);
    beginRollback(state, rollbackTo('c', { runId: 'back' }), NOON + 201_000);
    const back = question('c', 'd', { kind: 'rollback', parent: 'back', mover: 'm-back' });
    expect(authorizeMove(state, back, NOON + 201_000 + LEASE_MS)).toEqual({ decision: 'allow' });
    reportMove(state, { ...back, images: done(back) }, NOON + 215_000);
    const before = structuredClone(state.ledger);
    reportMove(state, { ...late, images: done(late) }, NOON + 230_000);
    expect(state.ledger).toEqual(before);
    expect(state.ledger.history.at(-1)).toMatchObject({ kind: 'rollback', sha: shaOf('c') });
  });

  test('is refused once another one was announced: the last one wins', () => {
    const state = three();
    beginRollback(state, rollbackTo('a', { runId: 'first' }), NOON + 200_000);
    beginRollback(state, rollbackTo('b', { runId: 'second', force: true }), NOON + 200_100);
    expect(
      authorizeMove(state, question('a', 'c', { kind: 'rollback', parent: 'first' }), NOON + 200_200),
    ).toMatchObject({
      message: 'rollback-aaaaaaa is not the rollback that was announced last',
    });
  });

  test('is not displaced by one that has ended when the lane hears of it', () => {
    const state = three();
    beginRollback(state, rollbackTo('a', { runId: 'running' }), NOON + 200_000);
    beginRollback(state, rollbackTo('b', { runId: 'ended', force: true }), NOON + 200_100, false);
    expect(state.rollback).toMatchObject({ runId: 'running' });
  });

  test('does not win over the next one when a late retry announces it again', () => {
    const state = three();
    for (const runId of ['first', 'second', 'first'])
      beginRollback(state, rollbackTo(runId === 'first' ? 'a' : 'b', { runId, force: true }), NOON + 200_000);
    expect(state.rollback).toMatchObject({ runId: 'second' });
  });

  test('revokes the holder, and says so if the holder’s own build is known-bad by now', () => {
    const state = three();
    holding('d', state);
    beginRollback(state, rollbackTo('c'), NOON + 200_000);
    expect(state.holder?.revocation).toEqual({
      revoked: expect.stringContaining('a rollback to ccccccc was begun by'),
    });
    const other = three();
    enqueue(other, run('c', { manual: true }));
    other.holder = null;
    grant(other, NOON);
    beginRollback(other, rollbackTo('a'), NOON + 200_000);
    expect(other.holder).toMatchObject({
      sha: shaOf('c'),
      revocation: { revoked: expect.stringMatching(/^rolled back on /), knownBad: true },
    });
  });

  test('is refused if it was not announced', () => {
    expect(authorizeMove(three(), question('a', 'c', { kind: 'rollback', parent: 'first' }), NOON)).toMatchObject({
      message: expect.stringContaining('not the rollback that was announced last'),
    });
  });

  test('holds the next promotion until a person approves that hold, and that promotion lifts it', () => {
    const state = three();
    carryOut(state, 'b', 'c', 'back', NOON + 200_000);
    holding('d', state);
    expect(authorizeMove(state, question('d', 'b'), NOON + 300_000)).toMatchObject({
      message: expect.stringMatching(/^after-rollback: /),
    });
    const request = question('d', 'b', { accepted: true });
    expect(authorizeMove(state, request, NOON + 300_000)).toEqual({ decision: 'allow' });
    reportMove(state, { ...request, images: done(request) }, NOON + 300_000);
    expect(state.ledger.hold).toBeNull();
    unhold(state);
  });
});
