import { describe, expect, test } from 'vitest';
import type { Repository } from '../../src/contract/image.js';
import type { LaneState, LedgerEntry } from '../../src/contract/lane.js';
import { record } from '../../src/lane/ledger.js';
import { enqueue } from '../../src/lane/queue.js';
import { emptyLane } from '../../src/lane/state.js';
import { historyOf, laneView, openAlarms, targetsOf } from '../../src/lane/view.js';
import { laneAt, NOON, promote, run, shaOf, tagsOf } from './lane-support.js';

const at = (minute: number) => new Date(NOON + minute * 60_000).toISOString();
type Row = [kind: LedgerEntry['kind'], letter: string | null];

/** Lane with these entries, one a minute. */
function laneOf(...rows: Row[]): LaneState {
  const state = emptyLane();
  for (const [minute, [kind, letter]] of rows.entries()) {
    const images = tagsOf(letter ?? 'f') as LedgerEntry['images'];
    const sha = letter === null ? null : shaOf(letter);
    record(state.ledger, { sha, at: at(minute), kind, by: 'ada', reason: 'x', images });
  }
  return state;
}
const rejected = (letter: string, minute: number) => ({
  sha: shaOf(letter),
  verdict: 'RED' as const,
  failed: ['x'],
  runId: 'red',
  at: at(minute),
});

test('a lane that knows nothing shows nothing', () => {
  expect(laneView(emptyLane(), NOON)).toEqual({
    holder: null,
    queue: [],
    rollback: null,
    hold: null,
    pause: null,
    quarantines: [],
    live: null,
    movedAt: null,
    isWatched: false,
    back: null,
    newestSequence: 0,
    alarms: [],
    missing: [],
    left: [],
  });
  expect(targetsOf(emptyLane().ledger)).toEqual([]);
  expect(openAlarms(emptyLane())).toEqual([]);
});

test('a waiting release is shown with its sequence, and whether a person asked for it', () => {
  const state = laneAt('1');
  enqueue(state, run('b', { sequence: 7 }));
  enqueue(state, run('a', { manual: true }));
  delete state.ledger.order[shaOf('a')];
  expect(laneView(state, NOON).queue).toEqual([
    run('a', { manual: true, sequence: 0 }),
    run('b', { manual: false, sequence: 7 }),
  ]);
});

describe('the move to the live build', () => {
  test.each<[string, Row[], number | null]>([
    [
      'was its promotion',
      [
        ['promotion', 'a'],
        ['promotion', 'b'],
      ],
      1,
    ],
    [
      'was its rollback',
      [
        ['promotion', 'a'],
        ['promotion', 'b'],
        ['rollback', 'a'],
      ],
      2,
    ],
    [
      'was not its adoption',
      [
        ['promotion', 'a'],
        ['promotion', 'b'],
        ['adopted', 'b'],
      ],
      1,
    ],
    [
      'was the last one to it',
      [
        ['promotion', 'b'],
        ['promotion', 'b'],
        ['adopted', 'b'],
      ],
      1,
    ],
    [
      'is not known of one that was only adopted',
      [
        ['promotion', 'a'],
        ['adopted', 'b'],
      ],
      null,
    ],
    [
      'is not the one before an adoption of another',
      [
        ['promotion', 'b'],
        ['adopted', 'a'],
        ['adopted', 'b'],
      ],
      null,
    ],
    [
      'is not the one before an adoption of an unknown one',
      [
        ['promotion', 'b'],
        ['adopted', null],
        ['adopted', 'b'],
      ],
      null,
    ],
    [
      'is not known if the live build is not',
      [
        ['promotion', 'a'],
        ['adopted', null],
      ],
      null,
    ],
  ])('%s', (_what, rows, minute) => {
    const state = laneOf(...rows);
    const movedAt = minute === null ? null : at(minute);
    expect(laneView(state, NOON)).toMatchObject({ movedAt, live: { at: at(rows.length - 1) }, isWatched: false });
    state.ledger.watchedFor = movedAt ?? at(0);
    expect(laneView(state, NOON).isWatched).toBe(minute !== null);
    state.ledger.watchedFor = at(9);
    expect(laneView(state, NOON).isWatched).toBe(false);
  });
});

test('each build is a target of a rollback, with what is known of it', () => {
  const state = laneOf(['promotion', 'a'], ['promotion', 'b'], ['rollback', 'a'], ['promotion', 'c']);
  state.ledger.verdicts.push(rejected('b', 1));
  expect(targetsOf(state.ledger)).toEqual([
    { sha: shaOf('c'), at: at(3), kind: 'promotion', by: 'ada', isLive: true, bad: null },
    { sha: shaOf('a'), at: at(2), kind: 'rollback', by: 'ada', isLive: false, bad: null },
    {
      sha: shaOf('b'),
      at: at(1),
      kind: 'promotion',
      by: 'ada',
      isLive: false,
      bad: `REJECTED BY CANARY on ${at(1)}, run red: x`,
    },
  ]);
});

test('the history is cut to its newest entries', () => {
  const state = laneOf(['promotion', 'a'], ['promotion', 'b'], ['promotion', 'c']);
  state.ledger.verdicts.push(rejected('d', 1), rejected('e', 2), { ...rejected('f', 3), verdict: 'GREEN' });
  const { moves, rejected: red, bad } = historyOf(state.ledger, 2);
  expect(moves.map(({ sha }) => sha)).toEqual(['c', 'b'].map(shaOf));
  expect(red.map(({ sha }) => sha)).toEqual(['e', 'd'].map(shaOf));
  expect(bad).toEqual([]);
});

test('each alarm that holds has its name, and its line', () => {
  const state = laneAt('1');
  promote(state, 'b', '1');
  Object.assign(state.ledger, {
    hold: { name: 'pair-split', why: 'x', by: 'ada', since: 'then' },
    consecutivePreemptions: 3,
    drift: {
      expectedAt: 0,
      moved: [],
      missing: [{ sha: shaOf('b'), repository: tagsOf('b')[0]?.repository as Repository, text: 'one' }],
    },
    outOfOrder: { by: shaOf('b'), times: 3 },
  });
  state.ledger.verdicts.push(rejected('b', 9));
  expect(openAlarms(state)).toEqual([
    'pair-split',
    'live-build-red',
    'out-of-order',
    'consecutive-preemptions',
    'rollback-target-missing',
  ]);
  const { alarms, missing } = laneView(state, NOON);
  expect([alarms.length, missing]).toEqual([2, ['one']]);
});
