import { describe, expect, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import type { LaneState, LedgerEntry } from '../../src/contract/lane.js';
import {
  leftByRollback,
  MAX_MISSING,
  noteDrift,
  otherImages,
  parseDrift,
  rollbackTargets,
} from '../../src/lane/drift.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneView, openAlarms } from '../../src/lane/view.js';
import { digestOf, laneAt, NOON, promote, shaOf, tagsOf } from './lane-support.js';

const found = (state: LaneState, latest: string | null, missing: string[] = []) => ({
  expectedAt: state.ledger.expectedLatest?.at ?? 0,
  latest,
  missing,
});
const moved = (why: string) => ({ alarm: 'latest-moved', why });
const gone = (why: string) => ({ alarm: 'rollback-target-missing', why });

describe('a drift', () => {
  test('of :latest raises its alarm once, and puts the lane on hold', () => {
    const state = laneAt('a');
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([moved('by crane')]);
    expect(state.ledger.hold).toMatchObject({ name: 'latest-moved', why: 'by crane' });
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([]);
    // A person lifted the hold, and adopted nothing.
    state.ledger.hold = null;
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([]);
    expect(state.ledger.hold).toMatchObject({ why: 'by crane' });
    expect(noteDrift(state, found(state, 'elsewhere'))).toEqual([moved('elsewhere')]);
    expect(state.ledger.hold).toMatchObject({ why: 'by crane' });
  });

  test('that was seen before a later move or adoption is news again, unless the lane is on hold for it', () => {
    const state = laneAt('a');
    noteDrift(state, found(state, 'by crane'));
    promote(state, 'b', 'a');
    state.ledger.expectedLatest = { images: [], at: NOON + 1 };
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([]);
    state.ledger.expectedLatest = { images: [], at: NOON + 2 };
    state.ledger.hold = null;
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([moved('by crane')]);
  });

  test('of manifests that a rollback needs raises an alarm for each new one, and no hold', () => {
    const state = laneAt('a');
    expect(openAlarms(state)).toEqual([]);
    expect(noteDrift(state, found(state, null, ['one']))).toEqual([gone('one')]);
    expect(noteDrift(state, found(state, null, ['one', 'two']))).toEqual([gone('two')]);
    expect(state.ledger.hold).toBeNull();
    expect(openAlarms(state)).toEqual(['rollback-target-missing']);
    expect(noteDrift(state, found(state, 'by crane', ['three']))).toEqual([moved('by crane'), gone('three')]);
    expect(openAlarms(state)).toEqual(['latest-moved', 'rollback-target-missing']);
    noteDrift(state, found(state, null));
    expect(openAlarms(state)).toEqual(['latest-moved']);
  });

  test('that was compared with an earlier :latest, or while one is moved, says nothing', () => {
    const state = laneAt('a');
    expect(noteDrift(state, { ...found(state, 'by crane'), expectedAt: 1 })).toEqual([]);
    state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('b') };
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([]);
    state.move = null;
    state.ledger.expectedLatest = null;
    expect(noteDrift(state, found(state, 'by crane'))).toEqual([]);
    expect([state.ledger.drift, state.ledger.hold]).toEqual([undefined, null]);
  });

  test('is read as it is sent, and its lines are cut', () => {
    expect(parseDrift({ expectedAt: NOON, latest: null, missing: [] })).toEqual({
      expectedAt: NOON,
      latest: null,
      missing: [],
    });
    const { latest, missing } = parseDrift({ expectedAt: NOON, latest: 'x'.repeat(500), missing: ['y'.repeat(500)] });
    expect([latest?.length, missing[0]?.length]).toEqual([400, 400]);
  });

  test.each<[object | undefined, string]>([
    [undefined, 'invalid drift: expected expectedAt and latest'],
    [{ expectedAt: 'now' }, 'invalid drift: expected expectedAt and latest'],
    [{ latest: 7 }, 'invalid drift: expected expectedAt and latest'],
    [{ missing: 'one' }, 'invalid missing: expected at most 20 lines'],
    [{ missing: ['one', 7] }, 'invalid missing: expected at most 20 lines'],
    [{ missing: Array(MAX_MISSING + 1).fill('x') }, 'invalid missing: expected at most 20 lines'],
  ])('%o is invalid', (change, message) => {
    const sent = change && { expectedAt: NOON, latest: null, missing: [], ...change };
    expect(() => parseDrift(sent)).toThrow(message);
  });

  test('of twenty lines is valid', () => {
    const missing = Array(MAX_MISSING).fill('x');
    expect(parseDrift({ expectedAt: NOON, latest: 'by crane', missing })).toEqual({
      expectedAt: NOON,
      latest: 'by crane',
      missing,
    });
  });
});

test('the images of a machine that are others than those of the last move are named', () => {
  const { ledger } = laneAt('a');
  const [first = '', second = ''] = tagsOf('a').map(({ repository }): string => repository);
  expect(otherImages(ledger, [first, second])).toEqual([]);
  expect(otherImages(ledger, [first, 'x/other'])).toEqual([
    `CANARY_IMAGES lacks ${second}, which the last move had`,
    'CANARY_IMAGES has x/other, which the last move had not',
  ]);
  ledger.expectedLatest = null;
  expect(otherImages(ledger, ['x/other'])).toEqual([]);
});

test('the manifests of the three newest good builds are looked for', () => {
  const state = laneAt('a');
  for (const [letter, before] of ['ba', 'cb', 'dc', 'ed']) promote(state, letter as string, before as string);
  state.ledger.knownBad.push({ sha: shaOf('d'), digests: [], since: 'then', by: 'ada', reason: 'x' });
  expect(rollbackTargets(state.ledger).map(({ sha }) => sha)).toEqual(['e', 'c', 'b'].map(shaOf));
});

describe('images that a rollback left', () => {
  const EXTRA = parseRepository('registry.example/extra');
  /** Moves `:latest` to a build, with or without a third image. */
  function move(state: LaneState, kind: LedgerEntry['kind'], letter: string, withExtra: boolean) {
    const images = tagsOf(letter) as LedgerEntry['images'];
    const all = withExtra ? [...images, { repository: EXTRA, digest: digestOf(shaOf(letter), 2) }] : images;
    record(state.ledger, {
      sha: shaOf(letter),
      at: new Date(NOON).toISOString(),
      kind,
      by: 'ada',
      reason: 'x',
      images: all,
    });
  }
  const laneWith = (...moves: [LedgerEntry['kind'], string, boolean][]) => {
    const state = emptyLane();
    for (const one of moves) move(state, ...one);
    return state;
  };
  const BEFORE: [LedgerEntry['kind'], string, boolean][] = [
    ['promotion', 'a', true],
    ['promotion', 'b', true],
    ['promotion', 'c', true],
  ];
  const left = [{ repository: EXTRA, sha: shaOf('c') }];

  test('are those that the build before had and the rollback did not move, on the build that they are on', () => {
    const state = laneWith(...BEFORE, ['rollback', 'b', false]);
    expect(leftByRollback(state.ledger)).toEqual(left);
    expect(laneView(state, NOON).left).toEqual([
      expect.stringMatching(
        `^${EXTRA} is on ${shaOf('c')}, .* the rollback to ${shaOf('b')} did not move it, .*CANARY_IMAGES`,
      ),
    ]);
  });

  test('are left by a second rollback too, until one moves them', () => {
    expect(leftByRollback(laneWith(...BEFORE, ['rollback', 'b', false], ['rollback', 'a', false]).ledger)).toEqual(
      left,
    );
    expect(leftByRollback(laneWith(...BEFORE, ['rollback', 'b', false], ['rollback', 'a', true]).ledger)).toEqual([]);
  });

  test.each<[string, [LedgerEntry['kind'], string, boolean][]]>([
    ['a rollback that moved all', [...BEFORE, ['rollback', 'b', true]]],
    ['a promotion without an image: a person has taken it out', [...BEFORE, ['promotion', 'd', false]]],
    ['a rollback after that', [...BEFORE, ['promotion', 'd', false], ['rollback', 'c', false]]],
    ['an adoption after the rollback', [...BEFORE, ['rollback', 'b', false], ['adopted', 'b', false]]],
    ['an empty history', []],
  ])('are none after %s', (_name, moves) => {
    expect(leftByRollback(laneWith(...moves).ledger)).toEqual([]);
  });
});
