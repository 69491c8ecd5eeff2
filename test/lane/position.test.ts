import { expect, test } from 'vitest';
import { pause } from '../../src/lane/commands.js';
import { positionAt, positionOf } from '../../src/lane/position.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { ATTRIBUTION, laneAt, NOON, run, shaOf, tagsOf } from './lane-support.js';

const rollback = { workflowId: 'rollback', runId: 'back', sha: shaOf('1'), force: false };

test('the lane says of a run that it does not know what it knows of itself', () => {
  expect(positionOf(laneAt('1'), { runId: 'run-a' })).toEqual({
    isKnown: false,
    result: null,
    status: {
      fencingToken: null,
      revocation: null,
      hold: null,
      pause: null,
      expectedLatest: tagsOf('1'),
      newer: null,
    },
    isHeld: false,
    ownsCanaryTag: false,
    isSupersededRollback: false,
    expectedAt: NOON - 3_600_000,
  });
  const unknown = laneAt('1');
  unknown.requestedRollbacks = ['back'];
  expect(positionOf(unknown, { runId: 'back' }).isSupersededRollback).toBe(true);
  unknown.ledger.expectedLatest = null;
  const { status, expectedAt } = positionOf(unknown, { runId: 'run-a' });
  expect([status.expectedLatest, expectedAt]).toEqual([[], null]);
});

test('the holder owns the canary tag until its lane is revoked, then the rollback does', () => {
  const state = laneAt('1');
  enqueue(state, run('a'));
  grant(state, NOON);
  state.rollback = rollback;
  const of = (runId: string) => positionOf(state, { runId });
  expect(['run-a', 'back', 'other'].map((runId) => of(runId).ownsCanaryTag)).toEqual([true, false, false]);
  expect(['run-a', 'other'].map((runId) => of(runId).status.fencingToken)).toEqual([1, null]);
  if (state.holder) state.holder.revocation = { revoked: 'dropped' };
  expect(['run-a', 'back', 'other'].map((runId) => of(runId).ownsCanaryTag)).toEqual([false, true, false]);
  expect(of('run-a').status).toMatchObject({ fencingToken: null, revocation: { revoked: 'dropped' } });
  expect(of('other')).toMatchObject({ isHeld: true, status: { fencingToken: null, revocation: null } });
});

test('a run learns of the newest build that waits behind it if that is newer than its own', () => {
  const state = laneAt('1');
  enqueue(state, run('a', { sequence: 2 }));
  grant(state, NOON);
  const newerThan = (letter: string) => positionOf(state, run(letter)).status.newer;
  expect(newerThan('a')).toBeNull();
  enqueue(state, run('b', { sequence: 3 }));
  expect([newerThan('a'), newerThan('b'), newerThan('f')]).toEqual([shaOf('b'), null, null]);
  expect(positionOf(state, { runId: 'run-a' }).status.newer).toBeNull();
  // One that a person asked for waits behind it, and does not hide it.
  enqueue(state, run('c', { sequence: 1, manual: true }));
  expect(newerThan('a')).toBe(shaOf('b'));
  state.queue = state.queue.filter(({ manual }) => manual);
  expect(newerThan('a')).toBeNull();
  enqueue(state, run('d', { sequence: 4, manual: true }));
  expect(newerThan('a')).toBe(shaOf('d'));
  delete state.ledger.order[shaOf('d')];
  expect(newerThan('a')).toBeNull();
  // A query changes nothing.
  expect(Object.keys(state.ledger.order)).toEqual(['1', 'a', 'b', 'c'].map(shaOf));
});

test('a pause counts in a position until it expires', () => {
  const state = laneAt('1');
  pause(state, ATTRIBUTION, new Date(NOON + 1_000).toISOString(), NOON);
  const position = positionOf(state, { runId: 'run-a' });
  expect(positionAt(position, NOON + 999)).toEqual(position);
  expect(positionAt(position, NOON + 1_000).status.pause).toBeNull();
});
