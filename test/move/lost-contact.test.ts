import { describe, expect, test } from 'vitest';
import { type Move, moveTags } from '../../src/move/move-tags.js';
import { isPut } from '../support/latest.js';
import { latest, NAMES, next, old, order, other, puts, results, server, setLatest, usePair } from '../support/pair.js';

usePair();

/** Later attempt of a mover that was out of contact for longer than a minute. */
const late = (more: Partial<Move> = {}) => ({ begun: true, retried: true, lostContact: true, ...more });
const rollback = (move: Move): Move => ({ ...move, input: { ...move.input, kind: 'rollback' } });

describe('a promotion that lost contact', () => {
  test('and finds every image at its target is done, and writes nothing', async () => {
    await setLatest('next');
    const before = puts();
    expect(results(await moveTags(order(late())))).toEqual(['promoted', 'promoted']);
    expect(puts()).toBe(before);
  });

  test.each([
    ['began', true],
    ['is not known to have begun', false],
  ])(
    'after it %s, and finds every image where it was, moves nothing: a person may have rolled back',
    async (_, begun) => {
      const before = puts();
      await expect(moveTags(order(late({ begun })))).rejects.toMatchObject({
        refusal: 'latest-moved',
        message: expect.stringContaining(old[0] as string),
        latest: [{ digest: old[0] }, { digest: old[1] }],
      });
      expect(puts()).toBe(before);
    },
  );

  test('and finds another digest at both images, or at one, moves nothing', async () => {
    await setLatest('other');
    await expect(moveTags(order(late()))).rejects.toMatchObject({ refusal: 'latest-moved' });
    await setLatest('next', [NAMES[0]]);
    await expect(moveTags(order(late()))).rejects.toMatchObject({ refusal: 'latest-moved' });
    expect(await latest()).toEqual([next[0], other[1]]);
  });

  test('and finds its pair half done restores it, and does not complete it', async () => {
    await setLatest('next', [NAMES[0]]);
    const before = server.requests.filter(isPut(NAMES[1])).length;
    expect(results(await moveTags(order(late())))).toEqual(['restored', 'restored']);
    expect(await latest()).toEqual(old);
    expect(server.requests.filter(isPut(NAMES[1])).length).toBe(before);
  });
});

describe('a rollback that lost contact', () => {
  const move = () => rollback(order(late(), old, next));

  test.each<[string, readonly string[]]>([
    ['where they were', []],
    ['half at the target', [NAMES[0]]],
  ])('and finds its images %s goes forward', async (_, moved) => {
    await setLatest('next');
    await setLatest('old', moved);
    expect(results(await moveTags(move()))).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(old);
  });

  test('and finds a third digest stops and names it: it is a newer decision', async () => {
    await setLatest('other', [NAMES[1]]);
    const before = puts();
    await expect(moveTags(move())).rejects.toMatchObject({
      refusal: 'latest-moved',
      message: expect.stringContaining(other[1] as string),
    });
    expect(puts()).toBe(before);
  });
});
