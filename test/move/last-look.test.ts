import { describe, expect, test } from 'vitest';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import {
  latest,
  NAMES,
  next,
  old,
  order,
  other,
  results,
  server,
  setLatest,
  usePair,
  withFaults,
} from '../support/pair.js';
import { until } from '../support/until.js';

usePair();

/** Counts from now on the reads of an image since its first write. */
function readsSinceWrite(name: string): () => number {
  const from = server.requests.length;
  return () => {
    const seen = server.requests.slice(from);
    const put = seen.findIndex(isPut(name));
    if (put < 0) return 0;
    return seen.slice(put).filter((one) => isRead(one) && one.path.includes(`/${name}/`)).length;
  };
}

describe('after the last write all images are read once more:', () => {
  test.each([
    ['promotion', ['conflict', 'restored'], () => [other[0], old[1]]],
    ['rollback', ['conflict', 'promoted'], () => [other[0], next[1]]],
  ] as const)(
    'a %s of which the first image was moved from outside before the second was written says so',
    async (kind, expected, where) => {
      const reads = readsSinceWrite(NAMES[0]);
      const byHand: Fault = {
        match: isPut(NAMES[1]),
        times: 1,
        respond: async (_request, serve) => {
          await until('the first image is read back', () => reads() > 0);
          await setLatest('other');
          return serve();
        },
      };
      const move = order();
      const images = await withFaults([byHand], { ...move, input: { ...move.input, kind } });
      expect(results(images)).toEqual(expected);
      expect(await latest()).toEqual(where());
    },
  );

  test('an image that was moved from outside while the other was restored is not called restored', async () => {
    const refused: Fault = { match: isPut(NAMES[1]), times: 1, respond: () => ociError(403, 'DENIED', 'no') };
    let written = 0;
    const byHand: Fault = {
      match: isPut(NAMES[0]),
      respond: async (_request, serve) => {
        written += 1;
        if (written === 2) await setLatest('other', [NAMES[1]]);
        return serve();
      },
    };
    expect(results(await withFaults([refused, byHand], order()))).toEqual(['restored', 'conflict']);
    expect(await latest()).toEqual([old[0], other[1]]);
  });

  test('an image that shows its previous digest from then on is unconfirmed', async () => {
    const began = Date.now();
    const reads = readsSinceWrite(NAMES[0]);
    const back: Fault = {
      match: (request) => isRead(request) && request.path.includes(`/${NAMES[0]}/`),
      respond: (_request, serve) => (reads() > 1 ? serve({ asOf: began }) : serve()),
    };
    expect(results(await withFaults([back], order()))).toEqual(['unconfirmed', 'promoted']);
  });

  test('reads that fail from then on question nothing', async () => {
    const reads = new Map(NAMES.map((name) => [`/v2/${name}/manifests/latest`, readsSinceWrite(name)]));
    const deaf: Fault = {
      match: isRead,
      respond: ({ path }, serve) => {
        // The read back of an image is its first.
        const isAgain = (reads.get(path)?.() ?? 0) > 1;
        return isAgain ? ociError(503, 'UNAVAILABLE', 'try later') : serve();
      },
    };
    expect(results(await withFaults([deaf], order()))).toEqual(['promoted', 'promoted']);
    expect([...reads.values()].every((count) => count() > 1)).toBe(true);
  });
});
