import { describe, expect, test } from 'vitest';
import { moveTags } from '../../src/move/move-tags.js';
import { preflight } from '../../src/move/preflight.js';
import { type MoveAuthorizer, MoveRefusal } from '../../src/move/write-lease.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import {
  allowAll,
  latest,
  NAMES,
  next,
  old,
  order,
  other,
  puts,
  reads,
  registry,
  results,
  server,
  setLatest,
  usePair,
  WAITS,
  withFaults,
} from '../support/pair.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

usePair();

describe('moveTags', () => {
  test('both images are moved together, each with its previous digest and its target', async () => {
    const images = await moveTags(order());
    expect(images).toMatchObject(
      next.map((digest, index) => ({ digest, previous: old[index], result: 'promoted', latest: digest })),
    );
    expect(await latest()).toEqual(next);
  });

  test('a promotion to the digest of :latest writes nothing', async () => {
    await setLatest('next');
    const before = puts();
    expect(results(await moveTags(order()))).toEqual(['already', 'already']);
    expect(puts()).toBe(before);
  });

  test('a promotion seconds after a move of ours writes anyway, for reads may be stale', async () => {
    await setLatest('next');
    const before = puts();
    const images = await moveTags(order({ authorizer: { ...allowAll, movedWithin: async () => true } }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(puts()).toBe(before + 2);
  });

  test.each([
    [0, 'once before the lease is requested, if that is at once'],
    [80, 'again before the lease is requested, if the lane was silent for longer than a lease lives'],
  ])('after %i ms :latest is read %s', async (silentMs) => {
    const seen: (string | null)[][] = [];
    const authorizer: MoveAuthorizer = {
      async authorize({ latest: read }) {
        seen.push(read.map(({ digest }) => digest));
        throw new MoveRefusal('latest-moved', 'moved by hand');
      },
      async movedWithin() {
        const from = performance.now();
        await setLatest('other');
        await until('the lane answers', () => performance.now() - from > silentMs);
        return false;
      },
    };
    const windowMs = silentMs > 0 ? silentMs : 60_000;
    await expect(moveTags(order({ authorizer, waits: { ...WAITS, windowMs } }))).rejects.toThrow('moved by hand');
    expect(seen).toEqual([silentMs > 0 ? other : old]);
  });

  test('a rollback always writes, and ends already if :latest was on its target before', async () => {
    await setLatest('next');
    const before = puts();
    const move = order();
    const images = await moveTags({ ...move, input: { ...move.input, kind: 'rollback' } });
    expect(results(images)).toEqual(['already', 'already']);
    expect(puts()).toBe(before + 2);
  });

  test('a rollback reads :latest before it writes, unless it was asked for within the validity of a write lease', async () => {
    const readsOf = async (change: object) => {
      await setLatest('old');
      const before = reads();
      const move = order(change);
      const images = await moveTags({ ...move, input: { ...move.input, kind: 'rollback' } });
      expect(results(images)).toEqual(['promoted', 'promoted']);
      return reads() - before;
    };
    const ago = (ms: number) => ({ observedAt: performance.now() - ms });
    const [unknown, stale, fresh] = [await readsOf({}), await readsOf(ago(WAITS.windowMs)), await readsOf(ago(0))];
    // What is left is to read each image back, and all of them after the last write.
    expect([unknown, stale, fresh]).toEqual([6, 6, 4]);
    const before = reads();
    await setLatest('old');
    await moveTags(order(ago(0)));
    // A promotion depends on what it reads.
    expect(reads() - before).toBe(6);
  });
});

describe('moveTags overcomes', () => {
  const once = (respond: Fault['respond'], times = 1): Fault => ({ match: isPut(NAMES[1]), times, respond });
  test.each<[string, () => Fault]>([
    ['503 twice', () => once(() => ociError(503, 'UNAVAILABLE', 'try later'), 2)],
    [
      '429 with Retry-After',
      () => once(() => ({ ...ociError(429, 'TOOMANYREQUESTS', 'slow'), headers: { 'retry-after': '0' } })),
    ],
    ['a connection dropped before the write', () => once(() => 'drop')],
    [
      'a connection dropped after the write',
      () =>
        once((_request, serve) => {
          serve();
          return 'drop';
        }),
    ],
    ['no answer at all', () => once(() => 'hang')],
    [
      'a 201 that names another digest',
      () => once((_request, serve) => ({ ...serve(), headers: { 'docker-content-digest': old[1] ?? '' } })),
    ],
  ])('%s', async (_what, fault) => {
    const images = await withFaults([fault()], order());
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(next);
  });

  test('a lagging read is repeated until the target shows', async () => {
    const began = Date.now();
    const images = await withFaults(
      [{ match: isRead, respond: (_request, serve) => serve({ asOf: Math.max(began, Date.now() - 300) }) }],
      order(),
    );
    expect(results(images)).toEqual(['promoted', 'promoted']);
  });
});

describe('moveTags moves both or none:', () => {
  const denied = (name: string): Fault => ({
    match: isPut(name),
    respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
  });
  const down = (name: string): Fault => ({ match: isPut(name), respond: () => ociError(503, 'UNAVAILABLE', 'down') });

  test.each([
    ['is denied', denied],
    ['stays down for the whole time', down],
  ])('if the second image %s, the first is restored', async (_what, fault) => {
    const images = await withFaults([fault(NAMES[1])], order());
    expect(images.map(({ result }) => result)[0]).toBe('restored');
    expect(await latest()).toEqual(old);
  });

  test('an image that was moved from outside meanwhile is left alone, the other is restored', async () => {
    const fault: Fault = {
      match: isPut(NAMES[1]),
      times: 1,
      respond: async (_request, serve) => {
        const answer = serve();
        await setLatest('other', [NAMES[1]]);
        return answer;
      },
    };
    const images = await withFaults([fault], order());
    expect(results(images)).toEqual(['restored', 'conflict']);
    expect(await latest()).toEqual([old[0], other[1]]);
  });

  test('a write that no read ever shows is unconfirmed, and nothing is restored', async () => {
    const began = Date.now();
    const images = await withFaults([{ match: isRead, respond: (_request, serve) => serve({ asOf: began }) }], order());
    expect(images).toMatchObject(old.map((digest) => ({ result: 'unconfirmed', latest: digest })));
    expect(await latest()).toEqual(next);
  });

  test('an image that cannot be restored is failed, the other restored', async () => {
    let seen = 0;
    const second: Fault = {
      match: isPut(NAMES[0]),
      respond: (_request, serve) => (seen++ === 0 ? serve() : ociError(403, 'DENIED', 'no')),
    };
    const images = await withFaults([second, denied(NAMES[1])], order());
    expect(results(images)).toEqual(['failed', 'restored']);
    expect(images[0]?.latest).toBe(next[0]);
  });

  test('an image whose restore gets no answer is failed, and restored only if it never left its digest', async () => {
    let seen = 0;
    const afterwards: Fault = {
      match: isPut(NAMES[0]),
      respond: (_request, serve) => (seen++ === 0 ? serve() : ociError(503, 'UNAVAILABLE', 'down')),
    };
    const images = await withFaults([afterwards, down(NAMES[1])], order());
    expect(results(images)).toEqual(['failed', 'restored']);
    expect(images.map(({ latest }) => latest)).toEqual([next[0], old[1]]);
  });

  fullTest('the only image of a move whose restore gets no answer is failed', async () => {
    let seen = 0;
    const lost: Fault = {
      match: isPut(NAMES[0]),
      respond: async (_request, serve) => {
        if (seen++ === 0) await serve();
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    };
    const unread: Fault = {
      match: (request) => seen > 0 && isRead(request),
      respond: () => ociError(503, 'UNAVAILABLE', 'down'),
    };
    const { input, observed, ...rest } = order();
    const only = { ...rest, input: { ...input, images: input.images.slice(0, 1) }, observed: observed.slice(0, 1) };
    expect(results(await withFaults([lost, unread], only))).toEqual(['failed']);
  });
});

describe('the write lease', () => {
  const refuse = (): never => {
    throw new MoveRefusal('not-holder', 'not you');
  };

  test('nothing is written without a write lease', async () => {
    const before = puts();
    await expect(moveTags(order({ authorizer: { ...allowAll, authorize: async () => refuse() } }))).rejects.toThrow(
      'not you',
    );
    expect(puts()).toBe(before);
  });

  test('a lease that was granted too slowly is requested again', async () => {
    let asked = 0;
    const authorizer: MoveAuthorizer = {
      ...allowAll,
      authorize: async () => {
        asked += 1;
        if (asked === 1) await new Promise((wake) => setTimeout(wake, 120));
        return 'granted';
      },
    };
    const images = await moveTags(order({ authorizer, waits: { ...WAITS, windowMs: 100 } }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(asked).toBeGreaterThan(1);
  });

  test('the answer retry leads to new reads before the next request', async () => {
    const looks: number[] = [];
    const authorizer: MoveAuthorizer = {
      ...allowAll,
      authorize: async () => {
        looks.push(reads());
        return looks.length < 3 ? 'retry' : 'granted';
      },
    };
    expect(results(await moveTags(order({ authorizer })))).toEqual(['promoted', 'promoted']);
    const [first = 0, second = 0, third = 0] = looks;
    expect([second - first, third - second]).toEqual([2, 2]);
  });

  test('each retry of a write requests a lease again, and a revoked lease ends the move without another write', async () => {
    let asked = 0;
    const authorizer: MoveAuthorizer = { ...allowAll, authorize: async () => (++asked > 1 ? refuse() : 'granted') };
    const before = puts();
    const down: Fault = { match: isPut(), respond: () => ociError(503, 'UNAVAILABLE', 'down') };
    await expect(
      withFaults([down], order({ authorizer, waits: { ...WAITS, windowMs: 500, pollMs: 800 } })),
    ).rejects.toThrow('not you');
    expect(puts()).toBe(before + 2);
  });

  test('a cancellation ends the move before the first write, and not after it', async () => {
    const early = new AbortController();
    const before = puts();
    const authorizer: MoveAuthorizer = {
      ...allowAll,
      authorize: async () => {
        early.abort(new Error('cancelled'));
        return 'granted';
      },
    };
    await expect(moveTags(order({ authorizer, signal: early.signal }))).rejects.toThrow('cancelled');
    expect(puts()).toBe(before);

    const late = new AbortController();
    const images = await moveTags(
      order({ onBegin: () => queueMicrotask(() => late.abort(new Error('cancelled'))), signal: late.signal }),
    );
    expect(results(images)).toEqual(['promoted', 'promoted']);
  });

  test('a :latest that was moved from outside is not overwritten once it stays there', async () => {
    await setLatest('other');
    const before = puts();
    // Each image is named: the person who approves sees every digest that is overwritten.
    const moved = 'stands at sha256:\\S+, this run saw sha256:\\w+';
    const named = NAMES.map((name) => `/${name}:latest ${moved}`).join('; .*');
    await expect(moveTags(order())).rejects.toThrow(new RegExp(`${named}: moved from outside`));
    expect(puts()).toBe(before);
  });

  test('a stale read of another digest is repeated', async () => {
    await setLatest('other');
    const swap = Date.now();
    await until('the clock has gone on', () => Date.now() > swap);
    await setLatest('old');
    let stale = 4;
    const fault: Fault = { match: isRead, respond: (_request, serve) => serve(stale-- > 0 ? { asOf: swap } : {}) };
    expect(results(await withFaults([fault], order()))).toEqual(['promoted', 'promoted']);
  });
});

describe('an attempt after one that died', () => {
  test('finds the targets in place, and still reports the previous digests', async () => {
    await setLatest('next');
    // A repeated mover reads again, and sees the work of its predecessor.
    const { input } = order();
    const observed = input.images.map(({ repository, to }) => ({ repository, digest: to }));
    const images = await moveTags(order({ begun: true, retried: true, observed }));
    expect(images).toMatchObject(old.map((previous) => ({ result: 'promoted', previous })));
  });

  test('finishes a half-moved pair, also if no heartbeat recorded that it had begun', async () => {
    await setLatest('next', [NAMES[0]]);
    const asked: boolean[] = [];
    const authorizer: MoveAuthorizer = {
      ...allowAll,
      authorize: async ({ begun }) => {
        asked.push(begun);
        return 'granted';
      },
    };
    const images = await moveTags(order({ authorizer, retried: true }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(asked).toEqual([true]);
  });
});

describe('preflight', () => {
  test('returns :latest of both images, and writes nothing', async () => {
    const before = puts();
    const move = order();
    expect(await preflight(registry, move.input)).toEqual(move.observed);
    expect(puts()).toBe(before);
  });

  const heads = new Set<string>();
  test.each<[string, Fault, RegExp]>([
    [
      'a missing child',
      {
        // A HEAD asks for children alone; a GET follows one that is refused.
        match: ({ method, path }) => (method === 'HEAD' ? heads.add(path) : heads).has(path),
        respond: () => ({ status: 404, headers: {}, body: Buffer.alloc(0) }),
      },
      /manifest/i,
    ],
    [
      'a repository without write access',
      {
        match: ({ method, path }) => method === 'POST' && path.includes('platform-tenant'),
        respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
      },
      /write/,
    ],
  ])('fails for %s', async (_what, fault, message) => {
    const heal = server.faults.add(fault);
    await expect(preflight(registry, order().input)).rejects.toThrow(message);
    heal();
  });
});
