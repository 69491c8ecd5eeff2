import { describe, expect, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import type { LaneState, LedgerEntry } from '../../src/contract/lane.js';
import type { Drift, TagState } from '../../src/contract/move.js';
import {
  describeMoved,
  leftByRollback,
  MAX_MISSING,
  noteDrift,
  otherImages,
  parseDrift,
  rollbackTargets,
} from '../../src/lane/drift.js';
import { record } from '../../src/lane/ledger.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { laneView, openAlarms } from '../../src/lane/view.js';
import { digestOf, laneAt, NOON, promote, shaOf, tagsOf } from './lane-support.js';

const found = (state: LaneState, moved: TagState[], missing: string[] = []): Drift => ({
  expectedAt: state.ledger.expectedLatest?.at ?? 0,
  moved,
  missing: missing.map(targetOf),
});
const [CRANE, ELSEWHERE] = [tagsOf('f'), tagsOf('e').slice(0, 1)];
const SECOND = parseRepository('registry.example/second');
/** A target of a rollback that is gone, by its build; its text changes with each read. */
const targetOf = (letter: string) => ({ sha: shaOf(letter), repository: SECOND, text: `${letter} is gone` });
const moved = (images: TagState[]) => ({ alarm: 'latest-moved', why: describeMoved(images) });
const gone = (letter: string) => ({ alarm: 'rollback-target-missing', why: `${letter} is gone` });

describe('a drift', () => {
  test('of :latest raises its alarm once, and puts the lane on hold', () => {
    const state = laneAt('a');
    expect(noteDrift(state, found(state, CRANE))).toEqual([moved(CRANE)]);
    expect(state.ledger.hold).toMatchObject({ name: 'latest-moved', moved: CRANE });
    expect(noteDrift(state, found(state, CRANE))).toEqual([]);
    // A person lifted the hold, and adopted nothing.
    state.ledger.hold = null;
    expect(noteDrift(state, found(state, CRANE))).toEqual([]);
    expect(state.ledger.hold).toMatchObject({ moved: CRANE });
    expect(noteDrift(state, found(state, ELSEWHERE))).toEqual([moved(ELSEWHERE)]);
    expect(state.ledger.hold).toMatchObject({ moved: CRANE });
  });

  test('that was seen before a later move or adoption is news again, unless the lane is on hold for it', () => {
    const state = laneAt('a');
    noteDrift(state, found(state, CRANE));
    promote(state, 'b', 'a');
    state.ledger.expectedLatest = { images: [], at: NOON + 1 };
    expect(noteDrift(state, found(state, CRANE))).toEqual([]);
    state.ledger.expectedLatest = { images: [], at: NOON + 2 };
    state.ledger.hold = null;
    expect(noteDrift(state, found(state, CRANE))).toEqual([moved(CRANE)]);
  });

  test('of manifests that a rollback needs raises an alarm for each new one, and no hold', () => {
    const state = laneAt('a');
    expect(openAlarms(state)).toEqual([]);
    expect(noteDrift(state, found(state, [], ['b']))).toEqual([gone('b')]);
    expect(noteDrift(state, found(state, [], ['b', 'c']))).toEqual([gone('c')]);
    expect(state.ledger.hold).toBeNull();
    expect(openAlarms(state)).toEqual(['rollback-target-missing']);
    expect(noteDrift(state, found(state, CRANE, ['d']))).toEqual([moved(CRANE), gone('d')]);
    expect(openAlarms(state)).toEqual(['latest-moved', 'rollback-target-missing']);
    expect(parseLaneState(structuredClone(state))).toEqual(state);
    noteDrift(state, found(state, []));
    expect(openAlarms(state)).toEqual(['latest-moved']);
  });

  test('that was compared with an earlier :latest, or while one is moved, says nothing', () => {
    const state = laneAt('a');
    expect(noteDrift(state, { ...found(state, CRANE), expectedAt: 1 })).toEqual([]);
    state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('b') };
    expect(noteDrift(state, found(state, CRANE))).toEqual([]);
    state.move = null;
    state.ledger.expectedLatest = null;
    expect(noteDrift(state, found(state, CRANE))).toEqual([]);
    expect([state.ledger.drift, state.ledger.hold]).toEqual([undefined, null]);
  });

  test('is the same in whatever order and words it was read', () => {
    const state = laneAt('a');
    noteDrift(state, found(state, CRANE, ['b']));
    const again = found(state, [...CRANE].reverse());
    const missing = [{ ...targetOf('b'), text: 'the registry says it in other words' }];
    expect(noteDrift(state, { ...again, missing })).toEqual([]);
  });

  test('is read as it is sent, and its lines are cut', () => {
    const sent = { expectedAt: NOON, moved: CRANE, missing: Array(MAX_MISSING).fill(targetOf('b')) };
    expect(parseDrift(sent)).toEqual(sent);
    const { missing } = parseDrift({ ...sent, missing: [{ ...targetOf('b'), text: 'y'.repeat(500) }] });
    expect(missing[0]?.text).toHaveLength(400);
  });

  test.each<[object | undefined, string]>([
    [undefined, 'invalid drift: expected expectedAt, and at most 50 images that were moved'],
    [{ expectedAt: 'now' }, 'invalid drift: expected expectedAt, and at most 50 images that were moved'],
    [{ moved: 7 }, 'invalid drift: expected expectedAt, and at most 50 images that were moved'],
    [{ moved: Array(51).fill(CRANE[0]) }, 'invalid drift: expected expectedAt, and at most 50 images'],
    [{ moved: ['by crane'] }, 'image is missing'],
    [{ missing: 'one' }, 'invalid missing: expected at most 20 targets of a rollback'],
    [{ missing: ['one'] }, 'invalid missing: expected sha, repository and a text of each'],
    [{ missing: [{ ...targetOf('b'), sha: 'x' }] }, 'invalid sha'],
    [{ missing: Array(MAX_MISSING + 1).fill(targetOf('b')) }, 'invalid missing: expected at most 20 targets'],
  ])('%o is invalid', (change, message) => {
    const sent = change && { expectedAt: NOON, moved: [], missing: [], ...change };
    expect(() => parseDrift(sent)).toThrow(message);
  });
});

describe('a :latest that was moved from outside', () => {
  const lineOf = (state: LaneState) => laneView(state, NOON).alarms;
  test('is an alarm also while the lane is on hold for something else, with what to do then', () => {
    const state = laneAt('a');
    putOnHold(state, 'after-rollback', 'a rollback');
    expect(noteDrift(state, found(state, CRANE))).toEqual([moved(CRANE)]);
    expect(state.ledger.hold).toMatchObject({ name: 'after-rollback', why: 'a rollback' });
    expect(openAlarms(state)).toEqual(['after-rollback', 'latest-moved']);
    expect(lineOf(state)).toEqual([
      `${describeMoved(CRANE)} (fix: canary lane adopt --reason … if it is right, else canary rollback --reason …; then canary lane unhold)`,
    ]);
    expect(noteDrift(state, found(state, []))).toEqual([]);
    expect([openAlarms(state), lineOf(state)]).toEqual([['after-rollback'], []]);
  });

  test('is said once if the hold says it, twice if it was moved again, and no more after a move or an adoption', () => {
    const state = laneAt('a');
    noteDrift(state, found(state, CRANE));
    expect([openAlarms(state), lineOf(state)]).toEqual([['latest-moved'], []]);
    noteDrift(state, found(state, ELSEWHERE));
    expect(openAlarms(state)).toEqual(['latest-moved']);
    expect(lineOf(state)).toEqual([expect.stringMatching(/ else canary rollback --reason …\)$/)]);
    // A person lifts the hold, and changes nothing.
    state.ledger.hold = null;
    expect(openAlarms(state)).toEqual(['latest-moved']);
    state.ledger.expectedLatest = { images: [], at: NOON + 1 };
    expect([openAlarms(state), lineOf(state)]).toEqual([[], []]);
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
