import { describe, expect, test } from 'vitest';
import type { TagState } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { type Move, moveTags } from '../../src/move/move-tags.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut } from '../support/latest.js';
import {
  allowAll,
  latest,
  NAMES,
  next,
  old,
  order,
  other,
  puts,
  results,
  setLatest,
  usePair,
  withFaults,
} from '../support/pair.js';

usePair();

/** Rollback to the next build that no person asked for. */
const byPolicy = (more: Partial<Move> = {}): Move => {
  const move = order(more);
  return { ...move, input: { ...move.input, kind: 'rollback', onlyFrom: parseSha('0000000') } };
};

/** Decides as the lane does: by where `:latest` is. */
const likeTheLane: Move['authorizer'] = {
  ...allowAll,
  async authorize({ latest }) {
    if (latest.every(({ digest }, index) => digest === old[index])) return 'granted';
    throw new MoveRefusal('latest-moved', 'elsewhere');
  },
};

describe('a rollback without a person', () => {
  test('moves what stands where it was left, also if its run has read it too early', async () => {
    const move = byPolicy({ authorizer: likeTheLane });
    const images = move.input.images.map((image, index) => ({ ...image, from: other[index] ?? null }));
    const outcomes = await moveTags({ ...move, input: { ...move.input, images } });
    expect(results(outcomes)).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(next);
  });

  test('writes nothing over what a person moved since it was seen, of one image or of both', async () => {
    for (const names of [[NAMES[1]], NAMES]) {
      await setLatest('other', names);
      const before = puts();
      const move = byPolicy({ observedAt: performance.now(), authorizer: likeTheLane });
      await expect(moveTags(move)).rejects.toMatchObject({ refusal: 'latest-moved' });
      expect(puts()).toBe(before);
    }
    expect(await latest()).toEqual(other);
  });

  test('asks for its lease with what it has just read', async () => {
    const asked: TagState[][] = [];
    const authorizer: Move['authorizer'] = {
      ...allowAll,
      async authorize({ latest }) {
        asked.push(latest);
        await setLatest('other');
        if (asked.length === 1) return 'retry';
        throw new MoveRefusal('latest-moved', 'elsewhere');
      },
    };
    await expect(moveTags(byPolicy({ authorizer }))).rejects.toMatchObject({ refusal: 'latest-moved' });
    expect(asked).toMatchObject([old, other].map((digests) => digests.map((digest) => ({ digest }))));
    expect(await latest()).toEqual(other);
  });

  test('does not send a failed write again over what a person moved meanwhile', async () => {
    const overtaken: Fault = {
      match: isPut(NAMES[0]),
      times: 1,
      respond: async () => {
        await setLatest('other', [NAMES[0]]);
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    };
    expect(results(await withFaults([overtaken], byPolicy()))).toEqual(['conflict', 'promoted']);
    expect(await latest()).toEqual([other[0], next[1]]);
  });
});
