import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import type { TagState } from '../../src/contract/move.js';
import { adopt } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { rolledBackBuild } from '../../src/lane/rolled-back-build.js';
import { laneView } from '../../src/lane/view.js';
import { digestOf, done, laneAt, NOON, promote, question, run, SAID, shaOf, standing } from './lane-support.js';

const minute = (nth: number) => NOON + nth * 60_000;
const iso = (nth: number) => new Date(minute(nth)).toISOString();
const digests = (letter: string) => [0, 1].map((image) => digestOf(shaOf(letter), image));

function begin(state: LaneState, to: string, nth: number) {
  const said = { ...SAID, workflowId: `rollback-${shaOf(to)}`, runId: `back-${nth}`, sha: shaOf(to), force: false };
  expect(beginRollback(state, said, minute(nth))).toBeNull();
}

/** Announced in that minute, and moved one second later. */
function rollBack(state: LaneState, to: string, from: string, nth: number) {
  begin(state, to, nth);
  const asked = question(to, from, { kind: 'rollback', parent: `back-${nth}`, mover: `mover-${nth}` });
  if (from !== to) expect(authorizeMove(state, asked, minute(nth) + 20_000)).toEqual({ decision: 'allow' });
  reportMove(state, { ...asked, images: done(asked, from === to ? 'already' : 'promoted') }, minute(nth) + 21_000);
  state.rollback = null;
}

/** A build was promoted, and the next one is being moved. */
function movingOn(): LaneState {
  const state = laneAt('1');
  promote(state, '2', '1', NOON);
  enqueue(state, run('b'));
  grant(state, minute(1));
  expect(authorizeMove(state, question('b', '2'), minute(1))).toEqual({ decision: 'allow' });
  return state;
}

const undone = ({ ledger }: LaneState, to: string, nth: number, found?: ReturnType<typeof digests>) => {
  const {
    sha,
    undone: entry,
    bad,
    marked,
  } = rolledBackBuild(ledger, { sha: shaOf(to), started: iso(nth), ended: iso(nth + 1) }, found);
  return { sha, at: entry?.at ?? null, bad: bad.map((one) => one.sha), marked };
};

describe('what a rollback undid', () => {
  test('is the build before it, also when --direct and an adoption were between', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    adopt(state, standing('1') as TagState[], shaOf('1'), SAID, minute(1));
    rollBack(state, '1', '1', 2);
    expect(undone(state, '1', 2)).toEqual({ sha: shaOf('a'), at: iso(0), bad: [shaOf('a')], marked: true });
  });

  test('is also told of the first try, which moved nothing, and of the second as bad, which marked nothing any more', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    begin(state, '1', 1);
    state.rollback = null;
    const first = undone(state, '1', 1);
    rollBack(state, '1', 'a', 3);
    expect(first).toEqual({ sha: shaOf('a'), at: iso(0), bad: [shaOf('a')], marked: true });
    expect(undone(state, '1', 1)).toEqual(first);
    expect(undone(state, '1', 3)).toEqual({ ...first, marked: false });
  });

  test('is what a mover brought there that was passed and never told', () => {
    const state = movingOn();
    rollBack(state, '2', 'b', 2);
    expect(undone(state, '2', 2, digests('b'))).toEqual({
      sha: shaOf('b'),
      at: null,
      bad: [shaOf('b')],
      marked: true,
    });
  });

  test('is not the build whose mover wrote nothing, where :latest still stood on the one before', () => {
    const state = movingOn();
    rollBack(state, '1', '2', 2);
    expect(undone(state, '1', 2, digests('2'))).toMatchObject({ sha: shaOf('2'), at: iso(0) });
  });

  test('is not what a later rollback to the same build undid', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    begin(state, '1', 1);
    state.rollback = null;
    state.ledger.hold = null;
    promote(state, 'b', 'a', minute(6));
    rollBack(state, '1', 'b', 9);
    expect(undone(state, '1', 1).sha).toBe(shaOf('a'));
    expect(undone(state, '1', 9).sha).toBe(shaOf('b'));
  });
});

test('a picture tells when :latest was moved to what is live, which an adoption of the same build does not change', () => {
  const movedAt = (state: LaneState) => laneView(state, NOON).movedAt;
  const state = laneAt('1');
  expect(movedAt(state)).toBeNull();
  promote(state, 'a', '1', NOON);
  adopt(state, standing('a') as TagState[], shaOf('a'), SAID, minute(1));
  expect(movedAt(state)).toBe(iso(0));
  adopt(state, standing('1') as TagState[], shaOf('1'), SAID, minute(2));
  expect(movedAt(state)).toBeNull();
});
