import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { applyCommand } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant, resultOf } from '../../src/lane/queue.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, done, NOON, question, run, shaOf } from './lane-support.js';

const MILLISECONDS = 1_700_000_000_000;

/** Requests the lane for a build; the answer to it. */
function release(state: LaneState, letter: string, sequence?: number, force?: boolean) {
  const request = run(letter, { ...(sequence !== undefined && { sequence }), ...(force && { force, manual: true }) });
  enqueue(state, request);
  grant(state, NOON);
  return resultOf(state, request);
}

/** Promotes the build that holds the lane. */
function moveHolder(state: LaneState, letter: string, latest: string): void {
  const request = question(letter, latest);
  authorizeMove(state, request, NOON);
  reportMove(state, { ...request, images: done(request) }, NOON);
  state.holder = null;
}

/** Lane whose build a has sequence 17. */
function laneOf17(): LaneState {
  const state = emptyLane();
  release(state, 'a', 17);
  moveHolder(state, 'a', 'a');
  return state;
}

/** Lane on which build b was promoted with milliseconds as its sequence. */
function stuckLane(): LaneState {
  const state = laneOf17();
  release(state, 'b', MILLISECONDS, true);
  moveHolder(state, 'b', 'a');
  // As a lane that continued as new has it.
  return JSON.parse(JSON.stringify(state));
}

const sequence = (state: LaneState, value: unknown) =>
  applyCommand(state, 'sequence', { ...ATTRIBUTION, sequence: value }, NOON);

describe('a sequence', () => {
  test('may be any at first, and at most a hundred times the newest one from then on', () => {
    const state = emptyLane();
    expect(release(state, 'a', MILLISECONDS)).toEqual({ fencingToken: 1 });
    const other = laneOf17();
    expect(release(other, 'b', 1_700)).toEqual({ fencingToken: 2 });
  });

  test('that is far beyond the newest one is refused: no build is added, and the newest one stays', () => {
    const state = laneOf17();
    expect(release(state, 'b', 1_701)).toEqual({
      invalid: expect.stringMatching(/^sequence 1701 is more than 100 times the newest one, 17: .*--force/),
    });
    expect(laneView(state, NOON)).toMatchObject({ holder: null, queue: [], newestSequence: 17 });
    expect(state.ledger.order[shaOf('b')]).toBeUndefined();
  });

  test('that is far beyond it counts if it is forced, and for a build that the lane has seen', () => {
    const state = laneOf17();
    expect(release(state, 'b', 1_701, true)).toEqual({ fencingToken: 2 });
    expect(laneView(state, NOON).newestSequence).toBe(1_701);
    state.holder = null;
    expect(resultOf(state, run('b'))).toBeNull();
    expect(release(state, 'b', MILLISECONDS)).toEqual({ fencingToken: 3 });
  });
});

describe('a build with a wrong sequence', () => {
  test('raises an alarm when three releases in a row are superseded by it, though it came before them', () => {
    const state = stuckLane();
    const alarms = () => laneView(state, NOON).alarms;
    expect(release(state, 'c', 18)).toEqual({ superseded: shaOf('b') });
    expect(release(state, 'd', 19)).toEqual({ superseded: shaOf('b') });
    expect(alarms()).toEqual([]);
    expect(release(state, 'e', 20)).toEqual({ superseded: shaOf('b') });
    expect(alarms()).toEqual([
      `3 releases in a row were superseded by bbbbbbb, which came before them: its sequence ${MILLISECONDS} is wrong (fix: canary lane sequence <n> --reason …)`,
    ]);
  });

  test('raises none for builds that a newer one overtakes as it should', () => {
    const state = laneOf17();
    release(state, 'b', 18);
    for (const [index, letter] of [...'cdef'].entries()) release(state, letter, 20 + index);
    expect(state.ledger.outOfOrder).toBeNull();
    // A later run of an older build is superseded too, and came before.
    for (const nth of [1, 2, 3]) enqueue(state, run('c', { runId: `again-${nth}` }));
    expect(state.ledger.outOfOrder).toBeNull();
  });

  test('raises none once a release was granted in between that a person did not ask for', () => {
    const state = stuckLane();
    release(state, 'c', 18);
    release(state, 'd', 19);
    enqueue(state, run('a', { runId: 'manual', manual: true, promoteOnly: true }));
    grant(state, NOON);
    expect(state.holder?.runId).toBe('manual');
    expect(state.ledger.outOfOrder?.times).toBe(2);
    state.holder = null;
    expect(release(state, 'e', MILLISECONDS + 1)).toEqual({ fencingToken: 4 });
    expect(state.ledger.outOfOrder).toBeNull();
  });

  test('no longer stops the line after lane sequence: the next build is newer than it', () => {
    const state = stuckLane();
    for (const [index, letter] of [...'cde'].entries()) release(state, letter, 18 + index);
    expect(sequence(state, 20)).toEqual({
      answer: `the newest sequence is 20, it was ${MILLISECONDS}; it now counts for bbbbbbb`,
    });
    expect(laneView(state, NOON)).toMatchObject({ newestSequence: 20, alarms: [] });
    expect(release(state, 'f', 21)).toEqual({ fencingToken: 3 });
    moveHolder(state, 'f', 'b');
    expect(state.ledger.newestPromoted?.sha).toBe(shaOf('f'));
  });

  test('keeps its place beside builds that waited in the same queue', () => {
    const state = stuckLane();
    sequence(state, 20);
    expect(resultOf(state, run('c', { runId: 'x' }))).toBeNull();
    // Older than 20, and really older.
    expect(release(state, 'c', 19)).toEqual({ superseded: shaOf('b') });
    expect(release(state, 'd', 20)).toEqual({ fencingToken: 3 });
  });

  test.each([undefined, -1, 1.5, '20', 2 ** 53])('is not fixed by %s', (value) => {
    const state = stuckLane();
    expect(sequence(state, value)).toEqual({ refused: expect.stringContaining('whole number') });
    expect(laneView(state, NOON).newestSequence).toBe(MILLISECONDS);
  });
});
