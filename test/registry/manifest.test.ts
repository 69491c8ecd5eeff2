import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Digest, LATEST, parseRepository, type Repository, type Tag } from '../../src/contract/image.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { pushBuild, tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { lacks } from '../support/needs.js';
import { newSha } from '../support/shas.js';

const anonymous = createRegistry();
afterAll(() => anonymous.close());
const TAG = 'staging-abc' as Tag;

describe.skipIf(lacks('a real registry')).each(['oci', 'docker'] as const)(
  'an index of %s images in a real registry',
  (kind) => {
    const { host } = inject('registry');
    const name = `manifest/${kind}`;
    const repository = parseRepository(`${host}/${name}`);

    test('is read as the index it is, and moved to another tag byte for byte', async () => {
      const pushed = await pushBuild({ registry: host, repository: name, tag: TAG, sha: newSha(), kind });
      const manifest = await getManifest(anonymous, repository, TAG);
      expect(manifest).toMatchObject(pushed);
      await requireChildren(anonymous, manifest);
      await putTag(anonymous, manifest, LATEST);
      expect(await tagDigest(host, name, 'latest')).toBe(pushed.digest);
    });

    test('a missing tag is null, a missing manifest an error of kind not-found', async () => {
      expect(await readTag(anonymous, repository, 'nothing' as Tag)).toBeNull();
      const missing = `sha256:${'0'.repeat(64)}` as Digest;
      await expect(getManifest(anonymous, repository, missing)).rejects.toMatchObject({
        name: 'RegistryError',
        kind: 'not-found',
      });
    });
  },
);

describe('a registry with a wrong answer', () => {
  let registry: MemoryRegistry;
  let repository: Repository;
  beforeAll(async () => {
    registry = await startMemoryRegistry();
    repository = parseRepository(`${registry.host}/lies`);
    await pushBuild({ registry: registry.host, repository: 'lies', tag: TAG, sha: newSha() });
  });
  afterAll(() => {
    expect(registry.unforeseen).toEqual([]);
    return registry.stop();
  });

  test.each<[string, (answer: { body?: Buffer; headers?: Record<string, string> }) => object, string]>([
    ['other bytes than its digest', (answer) => ({ ...answer, body: Buffer.from(`${answer.body} `) }), 'its bytes are'],
    [
      'a digest that the bytes do not have',
      (answer) => ({ ...answer, headers: { ...answer.headers, 'docker-content-digest': `sha256:${'1'.repeat(64)}` } }),
      'the registry names digest',
    ],
    [
      'another media type than that of the bytes',
      (answer) => ({
        ...answer,
        headers: { ...answer.headers, 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' },
      }),
      'but says it is',
    ],
    [
      'a page of HTML',
      (answer) => ({ ...answer, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') }),
      'expected an image or an index',
    ],
  ])('is refused for %s', async (_what, spoil, why) => {
    const heal = registry.faults.add({
      match: ({ method, path }) => method === 'GET' && path.endsWith(TAG),
      respond: (_request, serve) => ({ ...serve(), ...spoil(serve()) }),
    });
    const error = await getManifest(anonymous, repository, TAG).catch((reason: unknown) => reason);
    heal();
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ kind: 'integrity', message: expect.stringContaining(why) });
  });

  test.each(['', 'application/octet-stream', 'application/json; charset=utf-8'])(
    'is read by the type in its bytes if it sends it as %j, and written back under that',
    async (type) => {
      const heal = registry.faults.add({
        match: ({ method, path }) => method === 'GET' && path.endsWith(TAG),
        respond: (_request, serve) => ({ ...serve(), headers: { ...serve().headers, 'content-type': type } }),
      });
      const manifest = await getManifest(anonymous, repository, TAG);
      heal();
      expect(manifest).toMatchObject({ mediaType: 'application/vnd.oci.image.index.v1+json' });
      await putTag(anonymous, manifest, LATEST);
      expect(await tagDigest(registry.host, 'lies', 'latest')).toBe(manifest.digest);
    },
  );

  test('a missing child is named before anything is moved', async () => {
    const manifest = await getManifest(anonymous, repository, TAG);
    const [child] = manifest.children;
    const heal = registry.faults.add({
      match: ({ path }) => path.endsWith(child ?? ''),
      respond: () => ({ status: 404, headers: {}, body: Buffer.from('') }),
    });
    await expect(requireChildren(anonymous, manifest)).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining(child ?? ''),
    });
    heal();
  });
});
