import { describe, expect, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import type { LaneHold, LaneState } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { unhold } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { putOnHold } from '../../src/lane/state.js';
import { openAlarms } from '../../src/lane/view.js';
import { ATTRIBUTION, digestOf, done, laneAt, NOON, promote, question, run, shaOf, tagsOf } from './lane-support.js';

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

describe('an image that the target of a rollback does not have', () => {
  const ADDED = { repository: parseRepository('registry.example/added'), digest: digestOf(shaOf('b'), 2) };
  /** Lane whose build b has a third image, which build a has not. */
  const added = () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    state.ledger.expectedLatest?.images.push(ADDED);
    begin(state);
    authorizeMove(state, moving, LATER);
    return state;
  };
  const expected = ({ ledger }: LaneState) => ledger.expectedLatest?.images;

  test('is expected where it was left, and the next release of it is not held', () => {
    const state = added();
    reportMove(state, { ...moving, images: done(moving) }, LATER);
    expect(expected(state)).toEqual([...tagsOf('a'), ADDED]);
    state.rollback = null;
    unhold(state);
    enqueue(state, run('c'));
    grant(state, LATER);
    const asked = question('c', 'a');
    asked.input.images.push({ ...ADDED, to: digestOf(shaOf('c'), 2), from: ADDED.digest });
    const latest = [...asked.latest, ADDED];
    expect(authorizeMove(state, { ...asked, latest }, LATER + 90_000)).toEqual({ decision: 'allow' });
    // A promotion moves all that the gate has: what it leaves out was taken out by a person.
    reportMove(state, { ...question('c', 'a'), images: done(question('c', 'a')) }, LATER + 90_000);
    expect(expected(state)).toEqual(tagsOf('c'));
  });

  test('is expected there also after a rollback that ended on two builds', () => {
    const state = added();
    const [first, second] = done(moving) as [MovedImage, MovedImage];
    const elsewhere = { ...second, result: 'failed' as const, latest: digestOf(shaOf('b'), 1) };
    reportMove(state, { ...moving, images: [first, elsewhere] }, LATER);
    expect(expected(state)).toEqual([tagsOf('a')[0], tagsOf('b')[1], ADDED]);
  });

  test('is dropped if the lane would expect more images than it can read again', () => {
    const state = added();
    const more = Array.from({ length: 60 }, (_, nth) => ({
      ...ADDED,
      repository: parseRepository(`registry.example/${nth}`),
    }));
    state.ledger.expectedLatest?.images.push(...more);
    reportMove(state, { ...moving, images: done(moving) }, LATER);
    expect(expected(state)).toHaveLength(50);
    expect(expected(state)?.slice(0, 2)).toEqual(tagsOf('a'));
  });
});
