import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRepository, parseTag } from '../../src/contract/image.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { readPlatforms } from '../../src/registry/read-platforms.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { newSha } from '../support/shas.js';
import { SHORT } from './support.js';

const INDEX = 'application/vnd.oci.image.index.v1+json';
let host: MemoryRegistry;
beforeAll(async () => {
  host = await startMemoryRegistry();
});
afterAll(() => host.stop());

async function platformsOf(name: string) {
  const registry = createRegistry({ waits: SHORT });
  const manifest = await getManifest(registry, parseRepository(`${host.host}/${name}`), parseTag('it'));
  return readPlatforms(registry, manifest).finally(() => registry.close());
}
const push = (repository: string, more: object = {}) =>
  pushBuild({ registry: host.host, repository, tag: 'it', sha: newSha(), ...more });

/** Replaces the index of a repository by one with another list of manifests. */
async function reindex(repository: string, change: (manifests: object[]) => object[]) {
  const at = `http://${host.host}/v2/${repository}/manifests/it`;
  const index = (await (await fetch(at, { headers: { accept: INDEX } })).json()) as { manifests: object[] };
  const body = JSON.stringify({ ...index, manifests: change(index.manifests) });
  expect((await fetch(at, { method: 'PUT', headers: { 'content-type': INDEX }, body })).status).toBe(201);
}

describe('the platforms of an image', () => {
  test.each(['oci', 'docker'] as const)(
    'are those of its index, each with the bytes that it pulls (%s)',
    async (kind) => {
      await push(`both-${kind}`, { kind, platforms: ['linux/amd64', 'linux/arm64'] });
      const found = await platformsOf(`both-${kind}`);
      expect(found?.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
      for (const { bytes } of found ?? []) expect(bytes).toBeGreaterThan(100);
    },
  );

  test('leave out attestations, which no machine pulls', async () => {
    await push('attested');
    const unknown = { os: 'unknown', architecture: 'unknown' };
    await reindex('attested', ([first, second]) => [first ?? {}, { ...second, platform: unknown }]);
    expect((await platformsOf('attested'))?.map(({ platform }) => platform)).toEqual(['linux/amd64']);
  });

  test.each<[string, object]>([
    ['a name that would be a command of a runner', { os: '::error::x\n', architecture: 'amd64' }],
    ['a name that is too long', { os: 'x'.repeat(100), architecture: 'amd64' }],
  ])('are unknown with %s', async (_what, platform) => {
    await push('hostile');
    await reindex('hostile', ([first]) => [{ ...first, platform }]);
    expect(await platformsOf('hostile')).toBeNull();
  });

  test('are unknown if the registry does not answer: a release does not depend on them', async () => {
    const { children } = await push('silent');
    const end = host.faults.add({
      match: ({ path }) => path.endsWith(children[0] ?? ''),
      respond: () => ociError(503, 'UNAVAILABLE', 'down'),
    });
    expect(await platformsOf('silent')).toBeNull();
    end();
  });
});
