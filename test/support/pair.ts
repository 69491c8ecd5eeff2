import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type Digest, parseRepository, type Repository } from '../../src/contract/image.js';
import type { MovedImage, TagState } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { type Move, moveTags } from '../../src/move/move-tags.js';
import { MOVE_WAITS, type MoveWaits } from '../../src/move/waits.js';
import type { MoveAuthorizer } from '../../src/move/write-lease.js';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type Fault, type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { isPut, isRead } from './latest.js';
import { newSha } from './shas.js';

/** Waits of a move, shortened. */
export const WAITS: MoveWaits = {
  ...MOVE_WAITS,
  putTimeoutMs: 500,
  verifyMs: 600,
  surpriseMs: 300,
  steadyMs: 800,
  pollMs: 20,
  maxPauseMs: 200,
  splitMs: 1_000,
  promoteMs: 1_500,
  rollBackMs: 3_000,
  restoreMs: 1_000,
};
export const NAMES = ['platform', 'platform-tenant'] as const;

/** A pair of images in its own registry. */
export let server: MemoryRegistry;
export let registry: Registry;
/** Opens the pair for the tests of a file. */
export function usePair(): void {
  beforeAll(async () => {
    server = await startMemoryRegistry();
    registry = createRegistry({ push: true });
    // Once for a file: a push of a pair is some twenty requests.
    old = await build(newSha(), 'old');
    next = await build(newSha(), 'next');
    other = await build(newSha(), 'other');
  });
  afterAll(async () => {
    await registry.close();
    expect(server.unforeseen).toEqual([]);
    await server.stop();
  });
  beforeEach(() => setLatest('old'));
}

/** Digests of both images of three builds; `:latest` points at `old` first. */
export let old: Digest[];
export let next: Digest[];
export let other: Digest[];
const build = async (sha: string, tag: string) =>
  Promise.all(
    NAMES.map(
      async (repository) => (await pushBuild({ registry: server.host, repository, tag, sha })).digest as Digest,
    ),
  );
export const setLatest = async (from: string, names: readonly string[] = NAMES) => {
  for (const repository of names) await retag({ registry: server.host, repository, from, to: 'latest' });
};
export const latest = () => Promise.all(NAMES.map((name) => tagDigest(server.host, name, 'latest')));
export const puts = () => server.requests.filter(isPut()).length;
export const reads = () => server.requests.filter(isRead).length;

/** Authorizer that allows every move, unless a test overrides it. */
export const allowAll: MoveAuthorizer = { authorize: async () => 'granted' as const, movedWithin: async () => false };

export function order(
  change: Partial<Move> & { authorizer?: MoveAuthorizer } = {},
  to = next,
  from: (Digest | null)[] = old,
): Move {
  const repositories = NAMES.map((name) => parseRepository(`${server.host}/${name}`)) as Repository[];
  const images = repositories.map((repository, index) => ({
    repository,
    to: to[index] as Digest,
    from: from[index] ?? null,
  }));
  return {
    registry,
    authorizer: allowAll,
    waits: WAITS,
    input: { kind: 'promotion', sha: parseSha('4c1d56e'), images, by: 'ada', reason: 'green' },
    observed: repositories.map((repository, index): TagState => ({ repository, digest: from[index] ?? null })),
    begun: false,
    retried: false,
    onBegin: () => undefined,
    ...change,
  };
}

export async function withFaults(faults: Fault[], move: Move): Promise<MovedImage[]> {
  const heals = faults.map((fault) => server.faults.add(fault));
  try {
    return await moveTags(move);
  } finally {
    for (const heal of heals) heal();
  }
}
export const results = (images: MovedImage[]) => images.map(({ result }) => result);
