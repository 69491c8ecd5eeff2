import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { adopt, applyCommand } from '../../src/lane/commands.js';
import { enqueue, grant, previewRequest, resultOf } from '../../src/lane/queue.js';
import { putOnHold } from '../../src/lane/state.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, laneAt, NOON, promote, run, shaOf, tagsOf } from './lane-support.js';

/** Lane that lost what came after build a. */
function lostAfter(letter: string): LaneState {
  const state = laneAt(letter);
  state.ledger.lost = { seen: state.ledger.seen, upTo: null };
  return state;
}
const sequence = (state: LaneState, value: number) =>
  applyCommand(state, 'sequence', { ...ATTRIBUTION, sequence: value }, NOON);

/** Requests the lane for a build; the answer to it. */
function release(state: LaneState, letter: string, more: Parameters<typeof run>[1] = {}) {
  const request = run(letter, more);
  enqueue(state, request);
  grant(state, NOON);
  if (state.holder) state.holder = null;
  return resultOf(state, request);
}
const REFUSED = {
  invalid: expect.stringMatching(/a part of the ledger was lost, so \w+ may have been rolled back from/),
};
const order = (state: LaneState) => Object.keys(state.ledger.order);

describe('a ledger of which a part is lost', () => {
  test.each<[string, Parameters<typeof run>[1]]>([
    ['without a sequence', {}],
    ['with any sequence', { sequence: 9_999 }],
    ['that a person promotes untested', { manual: true, promoteOnly: true }],
  ])('refuses a build %s, and gives it no place in the order', (_what, more) => {
    const state = lostAfter('a');
    const known = order(state);
    expect(release(state, 'b', more)).toEqual(REFUSED);
    expect(previewRequest(state.ledger, run('b', more)).refused).toMatch(/a part of the ledger was lost/);
    expect(order(state)).toEqual(known);
  });

  test('refuses also a build that it knows from before, and after an adoption', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    state.ledger.lost = { seen: state.ledger.seen, upTo: null };
    // Production was rolled back to a, which the lane has forgotten.
    adopt(state, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON);
    expect(release(state, 'b', { runId: 'again' })).toEqual(REFUSED);
  });

  test('takes a forced one, which stays undated if nothing comes of it', () => {
    const state = lostAfter('a');
    expect(release(state, 'b', { manual: true, force: true })).toBeNull();
    expect(state.ledger.order[shaOf('b')]?.seen).toBe((state.ledger.lost?.seen ?? 0) - 1);
    expect(release(state, 'b', { runId: 'again' })).toEqual(REFUSED);
  });

  test('takes builds above the sequence that a person names, and refuses the others', () => {
    const state = lostAfter('a');
    expect(sequence(state, 105)).toHaveProperty('answer');
    expect(release(state, 'b', { sequence: 104 })).toEqual(REFUSED);
    expect(release(state, 'c', { sequence: 105 })).toEqual(REFUSED);
    expect(release(state, 'd')).toEqual(REFUSED);
    expect(release(state, 'e', { sequence: 106 })).toBeNull();
    // A re-run of its job.
    expect(release(state, 'e', { sequence: 106, runId: 'again' })).toBeNull();
  });

  test('takes new builds without a sequence once a person says that none has one, and refuses those from before', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    state.ledger.lost = { seen: state.ledger.seen, upTo: null };
    sequence(state, 0);
    expect(release(state, 'b', { runId: 'again' })).toEqual(REFUSED);
    expect(release(state, 'c')).toBeNull();
    expect(release(state, 'c', { runId: 'once-more' })).toBeNull();
  });

  test('is told to people until one names the newest sequence, by the hold or by an alarm', () => {
    const state = lostAfter('a');
    const alarms = () => laneView(state, NOON).alarms;
    expect(alarms()).toEqual([expect.stringMatching(/a part of the ledger was lost, .*canary lane sequence <n>/)]);
    // Its reason names the command.
    putOnHold(state, 'not-recovered', 'x');
    expect(alarms()).toEqual([]);
    adopt(state, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON);
    expect(alarms()).toHaveLength(1);
    sequence(state, 105);
    expect(alarms()).toEqual([]);
  });
});
