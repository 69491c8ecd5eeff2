import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import type { TagState } from '../../src/contract/move.js';
import { adopt } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { laneView } from '../../src/lane/view.js';
import { rolledBackBuild } from '../../src/report/rolled-back-build.js';
import {
  ATTRIBUTION,
  digestOf,
  done,
  laneAt,
  NOON,
  promote,
  question,
  run,
  shaOf,
  tagsOf,
} from '../lane/lane-support.js';

const minute = (nth: number) => NOON + nth * 60_000;
const iso = (nth: number) => new Date(minute(nth)).toISOString();
const digests = (letter: string) => [0, 1].map((image) => digestOf(shaOf(letter), image));

function begin(state: LaneState, to: string, nth: number) {
  const request = {
    ...ATTRIBUTION,
    workflowId: `rollback-${shaOf(to)}`,
    runId: `back-${nth}`,
    sha: shaOf(to),
    force: false,
  };
  expect(beginRollback(state, request, minute(nth))).toBeNull();
}

/** Announced in that minute, and moved one second later. */
function rollBack(state: LaneState, to: string, from: string, nth: number) {
  begin(state, to, nth);
  const request = question(to, from, { kind: 'rollback', parent: `back-${nth}`, mover: `mover-${nth}` });
  if (from !== to) expect(authorizeMove(state, request, minute(nth) + 20_000)).toEqual({ decision: 'allow' });
  reportMove(state, { ...request, images: done(request, from === to ? 'already' : 'promoted') }, minute(nth) + 21_000);
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

const rolledBack = ({ ledger }: LaneState, to: string, nth: number, found?: ReturnType<typeof digests>) => {
  const {
    sha,
    rolledBackMove: entry,
    bad,
    marked,
  } = rolledBackBuild(ledger, { sha: shaOf(to), started: iso(nth), ended: iso(nth + 1) }, found);
  return { sha, at: entry?.at ?? null, bad: bad.map((one) => one.sha), marked };
};

describe('rolledBackBuild', () => {
  test('finds the build before the rollback, also with --direct and an adoption in between', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    adopt(state, tagsOf('1') as TagState[], shaOf('1'), ATTRIBUTION, minute(1));
    rollBack(state, '1', '1', 2);
    expect(rolledBack(state, '1', 2)).toEqual({ sha: shaOf('a'), at: iso(0), bad: [shaOf('a')], marked: true });
  });

  test('finds the same build for a first try that moved nothing, and for a second that marked nothing', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    begin(state, '1', 1);
    state.rollback = null;
    const first = rolledBack(state, '1', 1);
    rollBack(state, '1', 'a', 3);
    expect(first).toEqual({ sha: shaOf('a'), at: iso(0), bad: [shaOf('a')], marked: true });
    expect(rolledBack(state, '1', 1)).toEqual(first);
    expect(rolledBack(state, '1', 3)).toEqual({ ...first, marked: false });
  });

  test('finds the build that a mover moved whose lease was revoked and that never reported', () => {
    const state = movingOn();
    rollBack(state, '2', 'b', 2);
    expect(rolledBack(state, '2', 2, digests('b'))).toEqual({
      sha: shaOf('b'),
      at: null,
      bad: [shaOf('b')],
      marked: true,
    });
  });

  test('does not find a build whose mover wrote nothing: :latest was still on the build before', () => {
    const state = movingOn();
    rollBack(state, '1', '2', 2);
    expect(rolledBack(state, '1', 2, digests('2'))).toMatchObject({ sha: shaOf('2'), at: iso(0) });
  });

  test('does not find the build that a later rollback to the same target rolled back from', () => {
    const state = laneAt('1');
    promote(state, 'a', '1', NOON);
    begin(state, '1', 1);
    state.rollback = null;
    state.ledger.hold = null;
    promote(state, 'b', 'a', minute(6));
    rollBack(state, '1', 'b', 9);
    expect(rolledBack(state, '1', 1).sha).toBe(shaOf('a'));
    expect(rolledBack(state, '1', 9).sha).toBe(shaOf('b'));
  });
});

test('the view shows when :latest was moved to the live build; an adoption of that build does not change it', () => {
  const movedAt = (state: LaneState) => laneView(state, NOON).movedAt;
  const state = laneAt('1');
  expect(movedAt(state)).toBeNull();
  promote(state, 'a', '1', NOON);
  adopt(state, tagsOf('a') as TagState[], shaOf('a'), ATTRIBUTION, minute(1));
  expect(movedAt(state)).toBe(iso(0));
  adopt(state, tagsOf('1') as TagState[], shaOf('1'), ATTRIBUTION, minute(2));
  expect(movedAt(state)).toBeNull();
});
