import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, parseRepository, type Repository, stagingTag } from '../../src/contract/image.js';
import { digestOf, type TagState } from '../../src/contract/move.js';
import { parseSha, type Sha } from '../../src/contract/sha.js';
import { foreignRevisions, targetOf } from '../../src/domain/one-build.js';
import { moveTags } from '../../src/move/move-tags.js';
import { resolveBuild } from '../../src/move/resolve-build.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type Fault, type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut } from '../support/latest.js';
import { allowAll, WAITS } from '../support/pair.js';
import { newSha } from '../support/shas.js';

/** Three images on two registries; a build may leave out the last. */
const NAMES = ['app', 'app-tenant', 'app-worker'] as const;
let servers: [MemoryRegistry, MemoryRegistry];
let registry: Registry;
let repositories: Repository[];
let worker: Repository;
const hostOf = (name: string) => (name === 'app' ? servers[0] : servers[1]).host;

beforeAll(async () => {
  servers = [await startMemoryRegistry(), await startMemoryRegistry()];
  registry = createRegistry({ push: true });
  repositories = NAMES.map((name) => parseRepository(`${hostOf(name)}/${name}`));
  worker = repositories[2] as Repository;
});
afterAll(async () => {
  await registry.close();
  for (const server of servers) {
    expect(server.unforeseen).toEqual([]);
    await server.stop();
  }
});

/** Pushes a build; the digest of each image. */
async function publish(sha: Sha, names: readonly string[] = NAMES): Promise<Digest[]> {
  const pushed = names.map((repository) =>
    pushBuild({ registry: hostOf(repository), repository, tag: stagingTag(sha), sha }),
  );
  return (await Promise.all(pushed)).map(({ digest }) => digest as Digest);
}
const latest = () => Promise.all(NAMES.map((name) => tagDigest(hostOf(name), name, 'latest')));
const written = () =>
  NAMES.filter((name) => servers.some((server) => server.requests.filter(isPut(name)).length > puts(name)));
let before: Record<string, number> = {};
const puts = (name: string) => before[name] ?? 0;

const old = parseSha(newSha());
let live: Digest[];
let sha: Sha;
beforeAll(async () => {
  live = await publish(old);
});
beforeEach(async () => {
  for (const repository of NAMES)
    await retag({ registry: hostOf(repository), repository, from: stagingTag(old), to: 'latest' });
  before = Object.fromEntries(
    NAMES.map((name) => [name, Math.max(...servers.map(({ requests }) => requests.filter(isPut(name)).length))]),
  );
  sha = parseSha(newSha());
});

const resolve = (absentMs = 60) =>
  resolveBuild(registry, sha, repositories, undefined, { optional: [worker], absentMs });
const withFault = async <T>(fault: Fault, run: () => Promise<T>): Promise<T> => {
  const heals = servers.map((server) => server.faults.add(fault));
  try {
    return await run();
  } finally {
    for (const heal of heals) heal();
  }
};
const ofWorker: Fault['match'] = ({ path }) => path === `/v2/app-worker/manifests/${stagingTag(sha)}`;

async function promote({ recent = false, faults = [] as Fault[], authorizer = allowAll } = {}) {
  const pinned = await resolve();
  const heals = faults.flatMap((fault) => servers.map((server) => server.faults.add(fault)));
  try {
    return await moveTags({
      registry,
      authorizer: { ...authorizer, movedWithin: async () => recent },
      waits: WAITS,
      input: { kind: 'promotion', sha, images: pinned.map(targetOf), by: 'ada', reason: 'green' },
      observed: pinned.map(({ repository, latest: digest }) => ({ repository, digest })),
      begun: false,
      retried: false,
      onBegin: () => undefined,
    });
  } finally {
    for (const heal of heals) heal();
  }
}

describe('an optional image that a build does not have', () => {
  test('is pinned where its :latest is, and names no other build', async () => {
    await publish(sha, NAMES.slice(0, 2));
    const pinned = await resolve();
    expect(pinned[2]).toMatchObject({ repository: worker, digest: live[2], latest: live[2], unchanged: true });
    expect(pinned.slice(0, 2).map(({ unchanged }) => unchanged)).toEqual([undefined, undefined]);
    expect(foreignRevisions({ sha }, pinned)).toEqual([]);
  });

  test('keeps its :latest without a write, while the others move on both registries', async () => {
    const built = await publish(sha, NAMES.slice(0, 2));
    expect(await promote()).toMatchObject([
      { result: 'promoted', latest: built[0] },
      { result: 'promoted', latest: built[1] },
      { result: 'already', latest: live[2], unchanged: true },
    ]);
    expect(await latest()).toEqual([...built, live[2]]);
    expect(written()).toEqual(['app', 'app-tenant']);
  });

  test('is written where it was soon after a move of ours, for a read proves nothing then', async () => {
    const built = await publish(sha, NAMES.slice(0, 2));
    await promote({ recent: true });
    expect(await latest()).toEqual([...built, live[2]]);
    expect(written()).toEqual([...NAMES]);
  });

  test('must be where the ledger has it, also if no other image is to be moved: the lane is asked', async () => {
    const built = await publish(sha, NAMES.slice(0, 2));
    for (const repository of NAMES.slice(0, 2))
      await retag({ registry: hostOf(repository), repository, from: stagingTag(sha), to: 'latest' });
    const asked: unknown[] = [];
    const authorize = async ({ latest: seen }: { latest: TagState[] }) => {
      asked.push(seen.map(({ digest }) => digest));
      return 'granted' as const;
    };
    const images = await promote({ authorizer: { ...allowAll, authorize } });
    expect(images.map(({ result }) => result)).toEqual(['already', 'already', 'already']);
    expect(asked).toEqual([[...built, live[2]]]);
    const refuse = async () => {
      throw new MoveRefusal('latest-moved', 'moved from outside');
    };
    await expect(promote({ authorizer: { ...allowAll, authorize: refuse } })).rejects.toThrow('moved from outside');
  });

  test('stays where it was if another image cannot be moved', async () => {
    await publish(sha, NAMES.slice(0, 2));
    const denied: Fault = { match: isPut('app-tenant'), respond: () => ociError(403, 'DENIED', 'no') };
    const images = await promote({ faults: [denied] });
    expect(images.map(({ result }) => result)).toEqual(['restored', 'restored', 'restored']);
    expect(await latest()).toEqual(live);
    expect(written()).not.toContain('app-worker');
  });

  test('counts as changed if its tag shows within the lag of reads', async () => {
    const built = await publish(sha);
    const lags: Fault = { match: ofWorker, times: 1, respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'unknown') };
    const pinned = await withFault(lags, () => resolve(2_000));
    expect(digestOf(pinned, worker)).toBe(built[2]);
    expect(pinned[2]?.unchanged).toBeUndefined();
  });

  test.each<[string, () => ReturnType<typeof ociError>]>([
    ['is denied', () => ociError(403, 'DENIED', 'no')],
    ['cannot be answered', () => ociError(503, 'UNAVAILABLE', 'down')],
    [
      'is answered by a page of a proxy',
      () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: Buffer.from('<h1>404</h1>') }),
    ],
    ['is said to be of no repository', () => ociError(404, 'NAME_UNKNOWN', 'unknown')],
  ])('does not count as unchanged if its tag %s', async (_what, respond) => {
    await publish(sha, NAMES.slice(0, 2));
    await expect(withFault({ match: ofWorker, respond }, () => resolve())).rejects.toThrow('app-worker');
  });

  test('does not count as unchanged if a part of it was pushed', async () => {
    await publish(sha, NAMES.slice(0, 2));
    const { children } = await pushBuild({
      registry: hostOf('app-worker'),
      repository: 'app-worker',
      tag: stagingTag(sha),
      sha,
    });
    const gone: Fault = {
      match: ({ path }) => path.endsWith(String(children[0])),
      respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'unknown'),
    };
    await expect(withFault(gone, () => resolve())).rejects.toThrow('manifests are missing');
  });

  test('is not found without a :latest to keep, and neither is a build of nothing', async () => {
    const noLatest: Fault = {
      match: ({ path }) => path === '/v2/app-worker/manifests/latest',
      respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'unknown'),
    };
    await publish(sha, NAMES.slice(0, 2));
    await expect(withFault(noLatest, () => resolve())).rejects.toThrow('neither');
    sha = parseSha(newSha());
    const all = { optional: repositories, absentMs: 0 };
    await expect(resolveBuild(registry, sha, repositories, undefined, all)).rejects.toThrow('no image has the tag');
  });

  test('is left out of a rollback that knows no digest for it, and pinned to the digest of the ledger', async () => {
    await publish(sha, NAMES.slice(0, 2));
    const target = { incomplete: true, optional: [worker] };
    const unknown = await resolveBuild(registry, sha, repositories, undefined, target);
    expect(unknown.map(({ repository }) => repository)).toEqual(repositories.slice(0, 2));
    const known = [{ repository: worker, digest: live[2] as Digest, unchanged: true as const }];
    const pinned = await resolveBuild(registry, sha, repositories, undefined, { ...target, known });
    expect(pinned[2]).toMatchObject({ digest: live[2], unchanged: true });
    expect(foreignRevisions({ sha }, pinned)).toEqual([]);
  });
});
