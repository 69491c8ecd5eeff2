import { describe, expect, test, vi } from 'vitest';
import { parseSha } from '../../src/contract/sha.js';
import { type Move, moveTags } from '../../src/move/move-tags.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import { latest, NAMES, old, order, other, puts, results, setLatest, usePair, withFaults } from '../support/pair.js';

usePair();

/** A promotion, and a rollback of a policy, which writes over no hand either. */
const promotion = (more: Partial<Move> = {}): Move => order(more);
const policy = (more: Partial<Move> = {}): Move => {
  const move = order(more);
  return { ...move, input: { ...move.input, kind: 'rollback', onlyFrom: parseSha('0000000') } };
};

describe('a person moved one image of a move that may have begun: the other one is not written', () => {
  // What an image that was not written is called: only a promotion restores.
  const kinds = [
    ['promotion', promotion, 'restored'],
    ['rollback of a policy', policy, 'failed'],
  ] as const;

  test.each(kinds)(
    'by another attempt of a %s, whose lease is renewed whatever is there',
    async (_, move, unwritten) => {
      for (const [moved, kept] of [
        [0, 1],
        [1, 0],
      ] as const) {
        await setLatest('old');
        await setLatest('other', [NAMES[moved]]);
        const before = puts();
        const images = await moveTags(move({ begun: true, retried: true }));
        expect(images[moved]).toMatchObject({ result: 'conflict', latest: other[moved] });
        expect(images[kept]).toMatchObject({ result: unwritten });
        expect(puts() - before).toBe(0);
        expect((await latest())[kept]).toBe(old[kept]);
      }
    },
  );

  test.each(kinds)('again by a %s, after the registry refused both', async (_, move, unwritten) => {
    const before = puts();
    const refused: Fault = {
      match: isPut(),
      times: 2,
      respond: async () => {
        if (puts() === before + 2) await setLatest('other', [NAMES[0]]);
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    };
    expect(results(await withFaults([refused], move()))).toEqual(['conflict', unwritten]);
    // Those that were refused, and the one by hand.
    expect(puts() - before).toBe(3);
    expect(await latest()).toEqual([other[0], old[1]]);
  });
});

test('a read of an image that lags does not stop the other one', async () => {
  await setLatest('other', [NAMES[0]]);
  const asOf = Date.now();
  await setLatest('old', [NAMES[0]]);
  const lag: Fault = {
    match: (request) => isRead(request) && request.path.includes(`/${NAMES[0]}/`),
    times: 3,
    respond: (_request, serve) => serve({ asOf }),
  };
  const images = await withFaults([lag], promotion({ begun: true, retried: true }));
  expect(results(images)).toEqual(['promoted', 'promoted']);
});

test('an image whose lease expired before its first write, because the move had begun, is looked at before the next', async () => {
  const clock = vi.spyOn(Date, 'now');
  let begun = false;
  const byHand: Fault = {
    match: (request) => begun && isRead(request) && request.path.includes(`/${NAMES[1]}/`),
    times: 1,
    respond: async (_request, serve) => {
      await setLatest('other', [NAMES[1]]);
      return serve();
    },
  };
  // The lease ages by the clock that went further.
  const onBegin = () => {
    begun = true;
    clock.mockReturnValue(performance.timeOrigin + performance.now() + 3_600_000);
  };
  try {
    expect(results(await withFaults([byHand], promotion({ onBegin })))).toEqual(['restored', 'conflict']);
  } finally {
    clock.mockRestore();
  }
  expect(await latest()).toEqual([old[0], other[1]]);
});
