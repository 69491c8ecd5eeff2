import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, parseRepository, type Repository } from '../../src/domain/image.js';
import type { MovedImage, ObservedImage } from '../../src/domain/move.js';
import { parseSha } from '../../src/domain/sha.js';
import type { Authority } from '../../src/move/authority.js';
import { MoveRefusal } from '../../src/move/gate.js';
import { type Move, moveTags } from '../../src/move/move-tags.js';
import { preflight } from '../../src/move/preflight.js';
import { MOVE_WAITS, type MoveWaits } from '../../src/move/waits.js';
import { createRegistry, type Registry } from '../../src/registry/registry.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type Fault, type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError, type RegistryRequest } from '../../testbed/registry-store.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const WAITS: MoveWaits = {
  ...MOVE_WAITS,
  putTimeoutMs: 500,
  verifyMs: 600,
  surpriseMs: 300,
  pollMs: 20,
  promoteMs: 1_500,
  rollBackMs: 3_000,
  restoreMs: 1_000,
};
const NAMES = ['platform', 'platform-tenant'] as const;

let server: MemoryRegistry;
let registry: Registry;
beforeAll(async () => {
  server = await startMemoryRegistry();
  registry = createRegistry({ push: true });
});
afterAll(async () => {
  await registry.close();
  expect(server.unforeseen).toEqual([]);
  await server.stop();
});

/** Digests of both images of three builds; `:latest` begins at `old`. */
let old: Digest[];
let next: Digest[];
let other: Digest[];
const build = async (sha: string, tag: string) =>
  Promise.all(
    NAMES.map(
      async (repository) => (await pushBuild({ registry: server.host, repository, tag, sha })).digest as Digest,
    ),
  );
beforeEach(async () => {
  old = await build(newSha(), 'old');
  next = await build(newSha(), 'next');
  other = await build(newSha(), 'other');
  await setLatest('old');
});
const setLatest = async (from: string, names: readonly string[] = NAMES) => {
  for (const repository of names) await retag({ registry: server.host, repository, from, to: 'latest' });
};
const latest = () => Promise.all(NAMES.map((name) => tagDigest(server.host, name, 'latest')));
const isPut =
  (name?: string) =>
  ({ method, path }: RegistryRequest) =>
    method === 'PUT' &&
    path.endsWith('/manifests/latest') &&
    (name === undefined || path === `/v2/${name}/manifests/latest`);
const isRead = ({ method, path }: RegistryRequest) => method === 'GET' && path.endsWith('/manifests/latest');
const puts = () => server.requests.filter(isPut()).length;

/** Says yes to everything, unless a test says otherwise. */
const yes: Authority = { authorize: async () => undefined, movedWithin: async () => false };

function order(change: Partial<Move> & { authority?: Authority } = {}, to = next, from: (Digest | null)[] = old): Move {
  const repositories = NAMES.map((name) => parseRepository(`${server.host}/${name}`)) as Repository[];
  const images = repositories.map((repository, index) => ({
    repository,
    to: to[index] as Digest,
    from: from[index] ?? null,
  }));
  return {
    registry,
    authority: yes,
    waits: WAITS,
    input: { kind: 'promotion', sha: parseSha('4c1d56e'), images, by: 'ada', reason: 'green' },
    observed: repositories.map((repository, index): ObservedImage => ({ repository, digest: from[index] ?? null })),
    begun: false,
    retried: false,
    onBegin: () => undefined,
    ...change,
  };
}

async function withFaults(faults: Fault[], move: Move): Promise<MovedImage[]> {
  const heals = faults.map((fault) => server.faults.add(fault));
  try {
    return await moveTags(move);
  } finally {
    for (const heal of heals) heal();
  }
}
const results = (images: MovedImage[]) => images.map(({ result }) => result);

describe('the good way', () => {
  test('both images are moved together, and each says from where to where', async () => {
    const images = await moveTags(order());
    expect(images).toMatchObject(
      next.map((digest, index) => ({ digest, previous: old[index], result: 'promoted', latest: digest })),
    );
    expect(await latest()).toEqual(next);
  });

  test('a promotion to where :latest stands writes nothing', async () => {
    await setLatest('next');
    const before = puts();
    expect(results(await moveTags(order()))).toEqual(['already', 'already']);
    expect(puts()).toBe(before);
  });

  test('seconds after a move of ours such a read may be stale, so it writes all the same', async () => {
    await setLatest('next');
    const before = puts();
    const images = await moveTags(order({ authority: { ...yes, movedWithin: async () => true } }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(puts()).toBe(before + 2);
  });

  test('a rollback always writes, and says already when it stood there before', async () => {
    await setLatest('next');
    const before = puts();
    const move = order();
    const images = await moveTags({ ...move, input: { ...move.input, kind: 'rollback' } });
    expect(results(images)).toEqual(['already', 'already']);
    expect(puts()).toBe(before + 2);
  });
});

describe('faults on the way are overcome', () => {
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

  test('reads that lag are waited for', async () => {
    const began = Date.now();
    const images = await withFaults(
      [{ match: isRead, respond: (_request, serve) => serve({ asOf: Math.max(began, Date.now() - 300) }) }],
      order(),
    );
    expect(results(images)).toEqual(['promoted', 'promoted']);
  });
});

describe('both, or none', () => {
  const denied = (name: string): Fault => ({
    match: isPut(name),
    respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
  });
  const down = (name: string): Fault => ({ match: isPut(name), respond: () => ociError(503, 'UNAVAILABLE', 'down') });

  test.each([
    ['is denied', denied],
    ['stays down for as long as we try', down],
  ])('when the second image %s, the first is put back', async (_what, fault) => {
    const images = await withFaults([fault(NAMES[1])], order());
    expect(images.map(({ result }) => result)[0]).toBe('restored');
    expect(await latest()).toEqual(old);
  });

  test('an image that somebody else moved meanwhile is left alone, the other is put back', async () => {
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

  test('a write that no read ever shows is unconfirmed, and nothing is put back', async () => {
    const began = Date.now();
    const images = await withFaults([{ match: isRead, respond: (_request, serve) => serve({ asOf: began }) }], order());
    expect(images).toMatchObject(old.map((digest) => ({ result: 'unconfirmed', latest: digest })));
    expect(await latest()).toEqual(next);
  });

  test('when putting back fails too, that is said of each image', async () => {
    let seen = 0;
    const second: Fault = {
      match: isPut(NAMES[0]),
      respond: (_request, serve) => (seen++ === 0 ? serve() : ociError(403, 'DENIED', 'no')),
    };
    const images = await withFaults([second, denied(NAMES[1])], order());
    expect(results(images)).toEqual(['failed', 'restored']);
    expect(images[0]?.latest).toBe(next[0]);
  });
});

describe('who may write, and until when', () => {
  const refuse = (): never => {
    throw new MoveRefusal('not you');
  };

  test('without a yes nothing is written', async () => {
    const before = puts();
    await expect(moveTags(order({ authority: { ...yes, authorize: async () => refuse() } }))).rejects.toThrow(
      'not you',
    );
    expect(puts()).toBe(before);
  });

  test('a yes that came too slowly is asked for again', async () => {
    let asked = 0;
    const authority: Authority = {
      ...yes,
      authorize: async () => {
        asked += 1;
        if (asked === 1) await new Promise((wake) => setTimeout(wake, 120));
      },
    };
    const images = await moveTags(order({ authority, waits: { ...WAITS, windowMs: 100 } }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(asked).toBeGreaterThan(1);
  });

  test('each retry of a write asks anew, and a yes that was taken back ends it, nothing more being written', async () => {
    let asked = 0;
    const authority: Authority = { ...yes, authorize: async () => (++asked > 1 ? refuse() : undefined) };
    const before = puts();
    const down: Fault = { match: isPut(), respond: () => ociError(503, 'UNAVAILABLE', 'down') };
    await expect(
      withFaults([down], order({ authority, waits: { ...WAITS, windowMs: 50, pollMs: 100 } })),
    ).rejects.toThrow('not you');
    expect(puts()).toBe(before + 2);
  });

  test('a cancel before the first write ends it, one after it does not', async () => {
    const early = new AbortController();
    const before = puts();
    const authority: Authority = { ...yes, authorize: async () => early.abort(new Error('cancelled')) };
    await expect(moveTags(order({ authority, signal: early.signal }))).rejects.toThrow('cancelled');
    expect(puts()).toBe(before);

    const late = new AbortController();
    const images = await moveTags(
      order({ onBegin: () => queueMicrotask(() => late.abort(new Error('cancelled'))), signal: late.signal }),
    );
    expect(results(images)).toEqual(['promoted', 'promoted']);
  });

  test('a :latest that somebody else moved is not overwritten, once it has been there for a while', async () => {
    await setLatest('other');
    const before = puts();
    await expect(moveTags(order())).rejects.toThrow(
      /stands at sha256:.*, this run saw sha256:.*: somebody else moved it/,
    );
    expect(puts()).toBe(before);
  });

  test('a stale read of somebody else is only read again', async () => {
    await setLatest('other');
    const swap = Date.now();
    await until('the clock has gone on', () => Date.now() > swap);
    await setLatest('old');
    let stale = 4;
    const fault: Fault = { match: isRead, respond: (_request, serve) => serve(stale-- > 0 ? { asOf: swap } : {}) };
    expect(results(await withFaults([fault], order()))).toEqual(['promoted', 'promoted']);
  });
});

describe('a try after one that died', () => {
  test('finds its work done, and still knows what stood there before', async () => {
    await setLatest('next');
    // A mover that is started again looks anew, and sees its predecessor's work.
    const { input } = order();
    const observed = input.images.map(({ repository, to }) => ({ repository, digest: to }));
    const images = await moveTags(order({ begun: true, retried: true, observed }));
    expect(images).toMatchObject(old.map((previous) => ({ result: 'promoted', previous })));
  });

  test('finishes a pair that is half moved, also when nobody recorded that it had begun', async () => {
    await setLatest('next', [NAMES[0]]);
    const asked: boolean[] = [];
    const authority: Authority = { ...yes, authorize: async ({ begun }) => void asked.push(begun) };
    const images = await moveTags(order({ authority, retried: true }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(asked).toEqual([true]);
  });
});

describe('the look before the first write', () => {
  test('says where both stand, and writes nothing', async () => {
    const before = puts();
    const move = order();
    expect(await preflight(registry, move.input.images)).toEqual(move.observed);
    expect(puts()).toBe(before);
  });

  test.each<[string, Fault, RegExp]>([
    [
      'a child that is gone',
      {
        match: ({ method }) => method === 'HEAD',
        respond: () => ({ status: 404, headers: {}, body: Buffer.alloc(0) }),
      },
      /manifest/i,
    ],
    [
      'a repository we may not write to',
      {
        match: ({ method, path }) => method === 'POST' && path.includes('platform-tenant'),
        respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
      },
      /write/,
    ],
  ])('%s stops it', async (_what, fault, message) => {
    const heal = server.faults.add(fault);
    await expect(preflight(registry, order().input.images)).rejects.toThrow(message);
    heal();
  });
});
