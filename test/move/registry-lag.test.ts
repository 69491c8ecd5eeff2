import { describe, expect, test } from 'vitest';
import { type Digest, parseRepository } from '../../src/contract/image.js';
import type { MovedImage } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { moveTags } from '../../src/move/move-tags.js';
import { MOVE_WAITS } from '../../src/move/waits.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { openRegistry } from '../support/open-registry.js';
import { newSha } from '../support/shas.js';
import { SHORTER, SHORTER_WAITS } from '../support/shorter-waits.js';

/** Lag of reads that was seen at GHCR, in milliseconds; in these tests that and the waits are a fifth. */
const GHCR_LAG_MS = 20_000;
const LAG_MS = GHCR_LAG_MS / SHORTER;

const { server, registry } = await openRegistry();

/** Two images with two builds, `:latest` on the older one. */
async function pair(name: string) {
  const names = [`${name}/platform`, `${name}/platform-tenant`];
  const publish = async (sha: string, tag: string) =>
    Promise.all(
      names.map(
        async (repository) => (await pushBuild({ registry: server.host, repository, tag, sha })).digest as Digest,
      ),
    );
  const [old, next] = [await publish(newSha(), 'old'), await publish(newSha(), 'next')];
  for (const repository of names) await retag({ registry: server.host, repository, from: 'old', to: 'latest' });
  const began = Date.now();
  return {
    old,
    next,
    /** From now on reads of `:latest` show what was there `LAG_MS` ago. */
    lag: () =>
      server.faults.add({
        match: ({ method, path }) => method === 'GET' && path.startsWith(`/v2/${name}/`) && path.endsWith('/latest'),
        respond: (_request, serve) => serve({ asOf: Math.max(began, Date.now() - LAG_MS) }),
      }),
    move: (kind: 'promotion' | 'rollback', to: Digest[], from: Digest[], recent: boolean): Promise<MovedImage[]> => {
      const images = names.map((repository, index) => ({
        repository: parseRepository(`${server.host}/${repository}`),
        to: to[index] as Digest,
        from: from[index] as Digest,
      }));
      return moveTags({
        registry,
        authorizer: { authorize: async () => 'granted' as const, movedWithin: async () => recent },
        waits: SHORTER_WAITS,
        input: { kind, sha: parseSha('4c1d56e'), images, by: 'ada', reason: 'lag' },
        observed: images.map(({ repository, from: digest }) => ({ repository, digest })),
        begun: false,
        retried: false,
        onBegin: () => undefined,
      });
    },
    /** By the registry's own word, which does not lag. */
    truth: async (heal: () => void) => {
      heal();
      return Promise.all(names.map((repository) => tagDigest(server.host, repository, 'latest')));
    },
  };
}

test('the waits that ship are longer than the lag that was seen at GHCR', () => {
  expect(Math.min(MOVE_WAITS.verifyMs, MOVE_WAITS.surpriseMs, MOVE_WAITS.recentMs)).toBeGreaterThan(GHCR_LAG_MS);
});

describe.concurrent('on a registry whose reads lag by 20 s', () => {
  test('a promotion waits for the reads, and ends promoted', async () => {
    const images = await pair('promotion');
    const heal = images.lag();
    const ends = await images.move('promotion', images.next, images.old, false);
    expect(ends.map(({ result }) => result)).toEqual(['promoted', 'promoted']);
    expect(await images.truth(heal)).toEqual(images.next);
  });

  test('a rollback seconds after a promotion writes, although a stale read shows it done', async () => {
    const images = await pair('rollback');
    await images.move('promotion', images.next, images.old, false);
    const heal = images.lag();
    const ends = await images.move('rollback', images.old, images.next, true);
    expect(ends.map(({ result }) => result)).toEqual(['promoted', 'promoted']);
    expect(await images.truth(heal)).toEqual(images.old);
  });

  test('a promotion seconds after a rollback writes, and leaves no pair split', async () => {
    const images = await pair('again');
    await images.move('promotion', images.next, images.old, false);
    await images.move('rollback', images.old, images.next, true);
    const heal = images.lag();
    const ends = await images.move('promotion', images.next, images.old, true);
    expect(ends.map(({ result }) => result)).toEqual(['promoted', 'promoted']);
    expect(await images.truth(heal)).toEqual(images.next);
  });

  test('a rollback after two moves finds no conflict with the digest in between', async () => {
    const images = await pair('between');
    const heal = images.lag();
    // This retag had no read back: reads show it late, as a third digest.
    for (const name of ['between/platform', 'between/platform-tenant'])
      await retag({ registry: server.host, repository: name, from: 'next', to: 'latest' });
    const third = await Promise.all(
      ['between/platform', 'between/platform-tenant'].map(
        async (repository) =>
          (await pushBuild({ registry: server.host, repository, tag: 'third', sha: newSha() })).digest as Digest,
      ),
    );
    const ends = await images.move('rollback', third, images.old, true);
    expect(ends.map(({ result }) => result)).toEqual(['promoted', 'promoted']);
    expect(await images.truth(heal)).toEqual(third);
  });
});
