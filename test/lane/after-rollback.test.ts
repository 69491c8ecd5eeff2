import { describe, expect, test } from 'vitest';
import type { LaneHold, LaneState } from '../../src/contract/lane.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { putOnHold } from '../../src/lane/state.js';
import { openAlarms } from '../../src/lane/view.js';
import { ATTRIBUTION, done, laneAt, NOON, promote, question, shaOf } from './lane-support.js';

const LATER = NOON + 200_000;
const HELD = { name: 'after-rollback', why: 'a rollback to aaaaaaa was begun by ada: looked at it' };
const begin = (state: LaneState, runId = 'back') =>
  beginRollback(state, { workflowId: 'rollback-aaaaaaa', runId, sha: shaOf('a'), force: false, ...ATTRIBUTION }, LATER);
const moving = question('a', 'b', { kind: 'rollback', parent: 'back', mover: 'm-back' });
moving.input.reason = ATTRIBUTION.reason;

describe.each<LaneHold['name']>(['pair-split', 'latest-moved', 'not-recovered'])('a lane on hold as %s', (name) => {
  const held = () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    return putOnHold(state, name, 'a person must look');
  };

  test('stays so while a rollback has only begun, and if it moves nothing', () => {
    const state = held();
    expect(begin(state)).toBeNull();
    const { hold, knownBad } = state.ledger;
    expect([hold, knownBad]).toMatchObject([{ name, why: 'a person must look' }, [{ sha: shaOf('b') }]]);
    expect(authorizeMove(state, moving, LATER)).toEqual({ decision: 'allow' });
    reportMove(state, { ...moving, images: done(moving, 'restored') }, LATER);
    expect(state.ledger.hold).toBe(hold);
    expect(openAlarms(state)).toEqual([name]);
  });

  test('is on hold after the rollback once that has moved every image', () => {
    const state = held();
    begin(state);
    authorizeMove(state, moving, LATER);
    reportMove(state, { ...moving, images: done(moving) }, LATER + 1);
    expect(state.ledger.hold).toEqual({ ...HELD, by: 'ada', since: new Date(LATER + 1).toISOString() });
  });
});

test('a lane that is on no hold is on hold from the beginning of a rollback, and its whole move begins no other', () => {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  begin(state);
  const { hold } = state.ledger;
  expect(hold).toMatchObject(HELD);
  authorizeMove(state, moving, LATER);
  reportMove(state, { ...moving, images: done(moving) }, LATER + 1);
  expect(state.ledger.hold).toBe(hold);
});

test('a hold that a person lifted while the rollback moved begins again with its end', () => {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  begin(state);
  authorizeMove(state, moving, LATER);
  state.ledger.hold = null;
  reportMove(state, { ...moving, images: done(moving) }, LATER + 1);
  expect(state.ledger.hold).toMatchObject(HELD);
});
