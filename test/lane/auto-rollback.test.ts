import { describe, expect, test } from 'vitest';
import { parseAutoRollback } from '../../src/config/auto-rollback.js';
import { loadConfig } from '../../src/config/load.js';
import type { LaneState, LedgerEntry, MoveQuestion } from '../../src/contract/lane.js';
import { parseMoveInput, type TagState } from '../../src/contract/move.js';
import type { Sha } from '../../src/contract/sha.js';
import { AUTO_ROLLBACK, type SeenTenant } from '../../src/contract/tenants/production.js';
import { isBeyond } from '../../src/domain/production-watch.js';
import { record } from '../../src/lane/ledger.js';
import { authorizeMove } from '../../src/lane/moves.js';
import { parseRollbackRequest } from '../../src/lane/payloads/parse.js';
import { beginRollback, chooseAutoRollback, moveToDeliver } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneAt, NOON, question, promote as releaseOf, shaOf, tagsOf } from './lane-support.js';

const at = (minute: number) => new Date(NOON + minute * 60_000).toISOString();
const move = (state: LaneState, letter: string, minute: number, kind: LedgerEntry['kind'], by = 'ada') =>
  record(state.ledger, {
    sha: shaOf(letter),
    at: at(minute),
    kind,
    by,
    reason: 'x',
    images: tagsOf(letter) as TagState[],
  });
const promote = (state: LaneState, letter: string, minute: number) => move(state, letter, minute, 'promotion');
/** A rollback that was announced and has moved. */
function rollBack(state: LaneState, letter: string, minute: number, by = AUTO_ROLLBACK) {
  const request = { workflowId: `rollback-${shaOf(letter)}`, runId: `rollback-run-${minute}`, sha: shaOf(letter) };
  beginRollback(state, { ...request, force: false, by, reason: 'red' }, NOON + minute * 60_000);
  move(state, letter, minute, 'rollback', by);
  state.rollback = null;
}
function adoptUnknown({ ledger }: LaneState) {
  record(ledger, { sha: null, at: at(3), kind: 'adopted', by: 'ada', reason: 'x', images: [] });
}
const unhold = ({ ledger }: LaneState) => {
  ledger.hold = null;
};
const choose = (state: LaneState, letter: string, minute: number) =>
  chooseAutoRollback(state, { sha: shaOf(letter), movedAt: at(minute) });
const ask = (text: string) => ({ ask: expect.stringContaining(text) });

describe('the target of an automatic rollback', () => {
  test('is the last good build before the one that is red', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    promote(state, 'c', 2);
    expect(choose(state, 'c', 2)).toEqual({ target: shaOf('b') });
  });

  test('is the same while promotion is paused: a pause lets rollbacks pass', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    state.ledger.pause = { by: 'ada', why: 'overnight', since: at(1) };
    const { target } = choose(state, 'b', 1) as { target: Sha };
    const request = {
      workflowId: 'rollback-a',
      runId: 'rollback-run',
      sha: target,
      onlyFrom: shaOf('b'),
      force: false,
    };
    expect(beginRollback(state, { ...request, by: AUTO_ROLLBACK, reason: 'red' }, NOON)).toBeNull();
    expect(state.rollback).toMatchObject({ sha: shaOf('a') });
  });

  test.each<[string, (state: LaneState) => void, string]>([
    ['another build was promoted since', (state) => promote(state, 'd', 3), 'a promotion to ddddddd came after it'],
    ['a person rolled back since', (state) => rollBack(state, 'b', 3, 'ada'), 'a rollback to bbbbbbb came after it'],
    ['a person adopted since', adoptUnknown, 'an adoption of an unknown build came after it'],
    [
      'the lane is on hold',
      ({ ledger }) => {
        ledger.hold = { name: 'latest-moved', why: 'by crane', by: 'the lane', since: at(3) };
      },
      'the lane is on hold for latest-moved: by crane',
    ],
    [
      'another build is being moved',
      (state) => {
        state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('d') };
      },
      'another move is under way',
    ],
  ])('is left to a person if %s', (_, change, why) => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    promote(state, 'c', 2);
    change(state);
    expect(choose(state, 'c', 2)).toEqual(ask(why));
  });

  test('is left to a person if the ledger has no good build before', () => {
    const state = laneAt('a');
    state.ledger.history = [];
    promote(state, 'b', 1);
    expect(choose(state, 'b', 1)).toEqual(ask('no good build before it'));
  });

  test('is left to a person if the ledger has another build as the live one, or none', () => {
    const moved = laneAt('a');
    promote(moved, 'b', 1);
    for (const state of [moved, laneAt('c')])
      expect(choose(state, 'c', 1)).toEqual(ask('the ledger does not have ccccccc as the live build'));
  });

  test('is left to a person if the red build came back by a rollback: it may not be the cause', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    promote(state, 'c', 2);
    rollBack(state, 'b', 3);
    unhold(state);
    expect(choose(state, 'b', 3)).toEqual(ask('came back by a rollback'));
  });

  test('is left to a person in a watch that a person started later: it is once for each promotion', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    expect(choose(state, 'b', 2)).toEqual(ask('a person started this watch'));
  });

  test('is left to a person after two automatic rollbacks in a row', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    rollBack(state, 'a', 2);
    unhold(state);
    promote(state, 'c', 3);
    expect(choose(state, 'c', 3)).toEqual({ target: shaOf('a') });
    rollBack(state, 'a', 4);
    unhold(state);
    promote(state, 'd', 5);
    expect(choose(state, 'd', 5)).toEqual(ask('2 automatic rollbacks in a row'));
    // Also once the ledger has forgotten what was before them.
    state.ledger.history = state.ledger.history.slice(2);
    expect(state.ledger.history[0]).toMatchObject({ kind: 'rollback' });
    expect(choose(state, 'd', 5)).toEqual(ask('2 automatic rollbacks in a row'));
  });

  test('is chosen again once a build stayed, or a person rolled back or adopted', () => {
    for (const between of [
      (state: LaneState) => move(state, 'b', 5, 'adopted'),
      (state: LaneState) => promote(state, 'd', 5),
      (state: LaneState) => {
        promote(state, 'd', 5);
        rollBack(state, 'a', 6, 'ada');
        unhold(state);
      },
    ]) {
      const state = laneAt('a');
      promote(state, 'b', 1);
      rollBack(state, 'a', 2);
      unhold(state);
      promote(state, 'c', 3);
      rollBack(state, 'a', 4);
      unhold(state);
      between(state);
      promote(state, 'e', 7);
      expect(choose(state, 'e', 7)).toHaveProperty('target');
    }
  });
});

describe('a rollback that may only begin from one build', () => {
  const request = (more: object = {}) =>
    parseRollbackRequest({
      workflowId: `rollback-${shaOf('a')}`,
      runId: '01999999-0000-7000-8000-000000000000',
      sha: shaOf('a'),
      by: AUTO_ROLLBACK,
      reason: 'red',
      onlyFrom: shaOf('b'),
      ...more,
    });

  test('is refused if the ledger has no live build', () => {
    expect(beginRollback(emptyLane(), request(), NOON)).toEqual({
      refused: 'bbbbbbb is no longer live',
      refusal: 'superseded',
    });
  });

  test('begins while that build is live', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    expect(beginRollback(state, request(), NOON)).toBeNull();
    expect(state.ledger.hold).toMatchObject({ name: 'after-rollback' });
  });

  test('is refused once another one is live, and marks nothing', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    promote(state, 'c', 2);
    expect(beginRollback(state, request(), NOON)).toEqual({
      refused: 'bbbbbbb is no longer live',
      refusal: 'superseded',
    });
    expect(state.ledger).toMatchObject({ hold: null, knownBad: [] });
    expect(beginRollback(state, request({ force: true }), NOON)).toBeNull();
  });

  test('is refused since a person has begun a rollback, which has not moved yet, or the lane is on hold', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    const person = { workflowId: 'rollback-of-ada', runId: 'of-ada', sha: shaOf('a'), by: 'ada', reason: 'slow' };
    beginRollback(state, { ...person, force: false }, NOON);
    const why = 'a rollback to aaaaaaa is under way';
    expect(beginRollback(state, request(), NOON)).toEqual({ refused: why, refusal: 'superseded' });
    expect(state.rollback).toMatchObject({ runId: 'of-ada' });
    state.rollback = null;
    expect(beginRollback(state, request(), NOON)).toMatchObject({
      refused: expect.stringContaining('the lane is on hold for after-rollback: a rollback to'),
    });
    expect(beginRollback(state, request({ force: true }), NOON)).toBeNull();
  });

  test('is refused while another build is being moved', () => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('c') };
    expect(beginRollback(state, request(), NOON)).toEqual({
      refused: 'another move is under way',
      refusal: 'superseded',
    });
  });
});

describe('the write lease of a rollback that may only begin from one build', () => {
  const MINUTE = 60_000;
  /** Lane on which build b was promoted after a, and its rollback to a has been announced. */
  function announced(): LaneState {
    const state = laneAt('a');
    releaseOf(state, 'b', 'a');
    beginRollback(state, { ...back, sha: shaOf('a'), onlyFrom: shaOf('b'), force: false }, NOON);
    return state;
  }
  const back = { workflowId: `rollback-${shaOf('a')}`, runId: 'back', by: AUTO_ROLLBACK, reason: 'red' };
  const asks = (latest: TagState[], onlyFrom: Sha | undefined = shaOf('b')): MoveQuestion => {
    const asked = question('a', 'b', { kind: 'rollback', parent: 'back' });
    return { ...asked, latest, input: { ...asked.input, ...(onlyFrom && { onlyFrom }) } };
  };
  /** `:latest` of the first image at one build, and of the others at another. */
  const half = (first: string, others: string) => [...tagsOf(first).slice(0, 1), ...tagsOf(others).slice(1)];
  const later = NOON + 10 * MINUTE;

  test.each<[string, TagState[]]>([
    ['each image is where the last move left it', tagsOf('b')],
    ['each image is at the target', tagsOf('a')],
    ['the rollback is half done', half('a', 'b')],
  ])('is granted if %s, in spite of the hold of its own announcement', (_, latest) => {
    expect(authorizeMove(announced(), asks(latest), later)).toEqual({ decision: 'allow' });
  });

  test.each<[string, TagState[]]>([
    ['of all images', tagsOf('c')],
    ['of one image', half('b', 'c')],
  ])('is refused if a person has moved :latest %s', (_, latest) => {
    const decision = authorizeMove(announced(), asks(latest), later);
    expect(decision).toMatchObject({ decision: 'deny', refusal: 'latest-moved', latest });
  });

  test('is asked for again as long as a read may be from before the last move', () => {
    expect(authorizeMove(announced(), asks(tagsOf('c')), NOON + MINUTE - 1)).toEqual({ decision: 'retry' });
  });

  test('is refused if a person has adopted another build since it was announced', () => {
    const state = announced();
    adoptUnknown(state);
    expect(authorizeMove(state, asks(tagsOf('b')), later)).toEqual({
      decision: 'deny',
      refusal: 'superseded',
      message: 'bbbbbbb is no longer live',
    });
  });

  test('does not depend on :latest once a person has forced it, nor once it has begun', () => {
    const { input, ...rest } = asks(tagsOf('c'));
    const { onlyFrom: _, ...ofPerson } = input;
    expect(authorizeMove(announced(), { ...rest, input: ofPerson }, later)).toEqual({ decision: 'allow' });
    const state = announced();
    authorizeMove(state, asks(tagsOf('b')), later);
    expect(authorizeMove(state, { ...asks(tagsOf('c')), begun: true }, later)).toEqual({ decision: 'allow' });
  });

  test('is what its order says, and an order of a promotion has no such part', () => {
    expect(parseMoveInput(asks([]).input)).toEqual(asks([]).input);
    expect(parseMoveInput({ ...asks([]).input, kind: 'promotion' })).not.toHaveProperty('onlyFrom');
    expect(() => parseMoveInput({ ...asks([]).input, onlyFrom: 'x' })).toThrow('sha');
  });
});

describe('the move that the control plane may take to production', () => {
  const LATER = { later: 'another move is under way' };
  const rollback = (letter: string) => ({ workflowId: 'w', runId: 'r', sha: shaOf(letter), force: false });
  test.each<[string, (state: LaneState) => void, letter: string, minute: number, unknown]>([
    ['is the newest one, with its images', () => undefined, 'b', 1, { images: tagsOf('b') }],
    ['is refused after a promotion', (s) => promote(s, 'c', 3), 'b', 1, { no: 'a promotion to ccccccc came after it' }],
    ['is refused after an adoption', adoptUnknown, 'b', 1, { no: 'an adoption of an unknown build came after it' }],
    ['is refused to another build', () => undefined, 'c', 1, { no: 'the newest move of the ledger is not to ccccccc' }],
    [
      'is refused if the ledger has no move',
      ({ ledger }) => ledger.history.pop(),
      'b',
      1,
      { no: 'the newest move of the ledger is not to bbbbbbb' },
    ],
    [
      'is refused to a watch that a person started later',
      () => undefined,
      'b',
      2,
      { no: 'a person started this watch, not the move' },
    ],
    [
      'is not known while another one is under way',
      (state) => {
        state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('d') };
      },
      'b',
      1,
      LATER,
    ],
    [
      'is not known in a rollback to another build',
      (s) => Object.assign(s, { rollback: rollback('a') }),
      'b',
      1,
      LATER,
    ],
    [
      'is known in a rollback to that very build',
      (s) => Object.assign(s, { rollback: rollback('b') }),
      'b',
      1,
      { images: tagsOf('b') },
    ],
  ])('%s', (_what, change, letter, minute, expected) => {
    const state = laneAt('a');
    promote(state, 'b', 1);
    change(state);
    expect(moveToDeliver(state, { sha: shaOf(letter), movedAt: at(minute) })).toEqual(expected);
  });
});

describe('the limit of an automatic rollback', () => {
  test.each([
    ['off', 'off'],
    ['propose', 'propose'],
    ['2', { tenants: 2 }],
    ['25%', { percent: 25 }],
    ['100%', { percent: 100 }],
  ])('%s is read', (text, expected) => {
    expect(parseAutoRollback(text)).toEqual(expected);
  });

  test.each(['0', '0%', '101%', '-1', '1.5', 'on', '2 tenants'])('%s is refused', (text) => {
    expect(() => parseAutoRollback(text)).toThrow('expected off, propose, a number of tenants, or e.g. 25%');
  });

  const seen = (red: number, all: number) =>
    Array.from({ length: all }, (_, index) => ({
      tenant: `t${index}`,
      ...(index < red && { red: 'x' }),
    })) as SeenTenant[];
  test.each<[Parameters<typeof isBeyond>[0], number, number, boolean]>([
    [{ tenants: 2 }, 1, 3, false],
    [{ tenants: 2 }, 2, 3, true],
    [{ percent: 50 }, 1, 3, false],
    [{ percent: 50 }, 2, 4, true],
    [{ percent: 1 }, 0, 0, false],
  ])('%o with %i of %i red: %s', (limit, red, all, expected) => {
    expect(isBeyond(limit, seen(red, all))).toBe(expected);
  });

  test('needs a watch over production, and no verified identity for rollbacks', async () => {
    const env = { CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_AUTO_ROLLBACK: '1' };
    await expect(loadConfig(env)).rejects.toThrow('needs CANARY_PROD_FLEET_FILE: production is not watched');
    await expect(loadConfig({ ...env, CANARY_REQUIRE_VERIFIED: 'rollback' })).rejects.toThrow(
      'CANARY_REQUIRE_VERIFIED=rollback: a policy has no verified identity',
    );
  });
});
