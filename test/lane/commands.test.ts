import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { MAX_BY, MAX_REASON } from '../../src/domain/decide.js';
import { exampleMoment } from '../../src/domain/moment.js';
import { applyCommand } from '../../src/lane/commands.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { enqueue, grant, resultOf } from '../../src/lane/queue.js';
import { ATTRIBUTION, laneAt, NOON, run, shaOf, tagsOf } from './lane-support.js';

const send = (state: LaneState, command: string, fields: object = {}, now = NOON) =>
  applyCommand(state, command, { ...ATTRIBUTION, ...fields }, now);
const mark = (letter: string) => ({ sha: shaOf(letter), digests: [], since: 'then', ...ATTRIBUTION });
const SOON = new Date(NOON + 1).toISOString();
const EXAMPLE = 'e.g. {"by":"ada","reason":"looked at it"';
const SHA = `expected 7 to 40 lower-case hex digits, ${EXAMPLE},"sha":"4c1d56e"}`;
const IMAGES = 'expected what canary lane adopt reads and sends';
const NUMBER = `expected a whole number, ${EXAMPLE},"sequence":1042}`;
const refused = (command: string, why: string) => ({ refused: `${command} refused: ${why}` });

describe('a command', () => {
  test.each<[string, unknown]>([
    ['without anything', undefined],
    ['by no person', { by: ' ', reason: 'x' }],
    ['without a reason', { by: 'ada' }],
    ['with a blank reason', { by: 'ada', reason: ' ' }],
  ])('%s is refused', (_what, sent) => {
    expect(applyCommand(laneAt('a'), 'unhold', sent, NOON)).toEqual({
      refused: 'unhold refused: it needs by and reason, e.g. {"by":"ada","reason":"looked at it"}',
    });
  });

  test.each([
    ['name', { by: 'x'.repeat(MAX_BY + 1), reason: 'x' }],
    ['reason', { by: 'ada', reason: 'x'.repeat(MAX_REASON + 1) }],
  ])('of a %s that is too long is refused as that', (_what, sent) => {
    expect(applyCommand(laneAt('a'), 'unhold', sent, NOON)).toEqual({
      refused: 'unhold refused: by or reason is too long: expected at most 200 and 2000 characters',
    });
  });

  test.each(['unhold', 'resume', 'renew', 'pause', 'drop', 'unbad', 'sequence', 'quarantine', 'unquarantine'])(
    'that is as the refusal of %s shows it is taken',
    (command) => {
      const { refused } = applyCommand(laneAt('a'), command, {}, NOON) as { refused: string };
      const example: unknown = JSON.parse(refused.slice(refused.indexOf('{')));
      expect(applyCommand(laneAt('a'), command, example, NOON)).toHaveProperty('answer');
    },
  );

  test('by a name like that of a verified person is refused', () => {
    expect(applyCommand(laneAt('a'), 'unhold', { by: 'Verified: x', reason: 'x' }, NOON)).toEqual({
      refused: expect.stringMatching(/^unhold refused: a claimed name must not begin with/),
    });
  });

  test('of the longest name and reason is taken', () => {
    const sent = { by: 'x'.repeat(MAX_BY), reason: 'x'.repeat(MAX_REASON) };
    expect(applyCommand(laneAt('a'), 'unhold', sent, NOON)).toEqual({ answer: 'was not on hold' });
  });

  test.each<[string, object, object]>([
    ['drop', {}, refused('drop', `sha is missing: ${SHA}`)],
    ['unbad', { sha: 'main' }, refused('unbad', `invalid sha "main": ${SHA}`)],
    ['sequence', { sequence: -1 }, refused('sequence', `invalid sequence -1: ${NUMBER}`)],
    ['sequence', { sequence: 0.5 }, refused('sequence', `invalid sequence 0.5: ${NUMBER}`)],
    ['adopt', {}, refused('adopt', `images is missing: ${IMAGES}`)],
    ['adopt', { images: [] }, refused('adopt', `invalid images (a list): ${IMAGES}`)],
    ['adopt', { images: Array(51).fill(tagsOf('b')[0]) }, refused('adopt', `invalid images (a list): ${IMAGES}`)],
    ['adopt', { images: [{ repository: 'x', digest: 'y' }] }, refused('adopt', `invalid images (a list): ${IMAGES}`)],
    ...['soon', new Date(NOON).toISOString(), null].map((until): [string, object, object] => [
      'pause',
      { until },
      refused(
        'pause',
        `invalid until ${JSON.stringify(until)}: expected a time in the future, e.g. "until":"${exampleMoment(NOON)}"`,
      ),
    ]),
  ])('%s with %o is refused, and changes nothing', (command, fields, expected) => {
    const state = laneAt('a');
    expect(send(state, command, fields)).toEqual(expected);
    expect(state).toEqual(laneAt('a'));
  });

  const HOLD = { name: 'pair-split', why: 'x', by: 'ada', since: 'then' } as const;
  const paused = { by: 'ada', why: 'looked at it', since: new Date(NOON).toISOString() };
  test.each<[string, (state: LaneState) => unknown, object, string, object]>([
    [
      'unhold',
      ({ ledger }) => Object.assign(ledger, { hold: HOLD }),
      {},
      'no longer on hold for pair-split',
      { hold: null },
    ],
    ['renew', () => undefined, {}, 'goes on as a new run, which knows all that this one knew', {}],
    ['resume', ({ ledger }) => Object.assign(ledger, { pause: paused }), {}, 'resumed', { pause: null }],
    ['resume', () => undefined, {}, 'was not paused', { pause: null }],
    ['pause', () => undefined, {}, 'paused until canary resume', { pause: paused }],
    ['pause', () => undefined, { until: SOON }, `paused until ${SOON}`, { pause: { ...paused, until: SOON } }],
    ['sequence', () => undefined, { sequence: 0 }, 'the newest sequence is 0, it was 0', { highestSequence: 0 }],
    [
      'unbad',
      ({ ledger }) => ledger.knownBad.push(mark('b'), mark('c')),
      { sha: shaOf('b') },
      'bbbbbbb is no longer marked known-bad',
      { knownBad: [mark('c')] },
    ],
    [
      'unbad',
      ({ ledger }) => ledger.knownBad.push(mark('c')),
      { sha: shaOf('b') },
      'bbbbbbb was not marked known-bad',
      { knownBad: [mark('c')] },
    ],
  ])('%s is applied', (command, change, fields, answer, expected) => {
    const state = laneAt('a');
    change(state);
    expect(send(state, command, fields)).toEqual({ answer });
    expect(state.ledger).toMatchObject(expected);
    if (command === 'pause') expect(state.ledger.pause).toEqual((expected as { pause: object }).pause);
  });

  test('adopt takes :latest as it stands, and lifts the hold unless that is after a rollback', () => {
    const images = [tagsOf('b')[0], { ...tagsOf('b')[1], digest: null }];
    const [one, two] = images.map((image) => image?.repository);
    for (const [name, sha] of [
      ['after-rollback', shaOf('b')],
      ['latest-moved', 'main'],
    ] as const) {
      const state = laneAt('a');
      state.ledger.hold = { ...HOLD, name };
      expect(send(state, 'adopt', { images, sha })).toEqual({
        answer: `adopted: ${one}:latest at ${images[0]?.digest}, ${two}:latest at nothing`,
      });
      expect(state.ledger.hold?.name).toBe(name === 'after-rollback' ? name : undefined);
      expect(state.ledger.expectedLatest).toEqual({ images, at: NOON });
      expect(state.ledger.history.at(-1)).toMatchObject({ kind: 'adopted', sha: sha === 'main' ? null : sha, images });
    }
  });

  test('adopt takes as many images as a move has', () => {
    expect(send(laneAt('a'), 'adopt', { images: Array(50).fill(tagsOf('b')[0]) })).toHaveProperty('answer');
  });
});

describe('drop', () => {
  const drop = (state: LaneState, letter: string) => send(state, 'drop', { sha: shaOf(letter) });

  test('takes a run out of the queue, and tells it who and why', () => {
    const state = laneAt('1');
    for (const letter of ['a', 'b']) enqueue(state, run(letter, { manual: true }));
    expect(drop(state, 'a')).toEqual({ answer: 'aaaaaaa was removed from the queue' });
    expect(state.queue.map(({ runId }) => runId)).toEqual(['run-b']);
    expect(state.answers).toEqual([{ runId: 'run-a', revoked: 'dropped by ada: looked at it' }]);
    expect(drop(state, 'a')).toEqual({ answer: 'aaaaaaa neither holds the lane nor waits for it' });
  });

  test('takes the lane from its holder, and from no other one', () => {
    const state = laneAt('1');
    enqueue(state, run('a'));
    grant(state, NOON);
    drop(state, 'b');
    expect(state.holder?.runId).toBe('run-a');
    expect(drop(state, 'a')).toEqual({ answer: 'aaaaaaa no longer holds the lane' });
    expect(state.holder).toBeNull();
    // It learns who and why if it works again, and does not wait for the lane once more.
    expect(enqueue(state, run('a'))).toBe(false);
    expect(resultOf(state, run('a'))).toEqual({ revoked: 'dropped by ada: looked at it' });
  });
});

describe('a command about what was there before', () => {
  const AGAIN = 'look again (canary status), and repeat it if it is right';
  const held = () => {
    const state = laneAt('a');
    state.ledger.hold = { name: 'after-rollback', why: 'a rollback', by: 'bob', since: SOON };
    return state;
  };

  test('unhold lifts the hold that the person has seen, and no later one', () => {
    const state = held();
    expect(send(state, 'unhold', { seen: new Date(NOON).toISOString() })).toEqual(
      refused('unhold', `the lane is on hold for after-rollback by now: a rollback; ${AGAIN}`),
    );
    expect(state.ledger.hold).not.toBeNull();
    expect(send(state, 'unhold', { seen: SOON })).toEqual({ answer: 'no longer on hold for after-rollback' });
    expect(send(held(), 'unhold')).toEqual({ answer: 'no longer on hold for after-rollback' });
  });

  test('adopt takes no :latest that was read before a move, or while one may write', () => {
    const state = laneAt('a');
    const seen = state.ledger.expectedLatest?.at ?? 0;
    const images = tagsOf('b');
    expect(send(state, 'adopt', { images, seen: seen - 1 })).toEqual(
      refused('adopt', `:latest was moved since it was read; ${AGAIN}`),
    );
    const move = {
      moverRunId: 'm',
      parent: { workflowId: 'w', runId: 'r' },
      kind: 'promotion',
      sha: shaOf('c'),
    } as const;
    state.move = { ...move, leaseGrantedAt: NOON };
    expect(send(state, 'adopt', { images, seen }, NOON + 2_000)).toEqual(
      refused('adopt', `a move may write for 10s more; ${AGAIN}`),
    );
    expect(state.ledger.expectedLatest?.images).toEqual(tagsOf('a'));
    expect(send(state, 'adopt', { images, seen }, NOON + LEASE_MS)).toHaveProperty('answer');
    expect(state.ledger.expectedLatest?.images).toEqual(images);
  });
});
