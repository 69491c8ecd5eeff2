import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRepository, parseTag } from '../../src/contract/image.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { readRevision } from '../../src/registry/read-revision.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { newSha } from '../support/shas.js';
import { SHORT } from './support.js';

let host: MemoryRegistry;
beforeAll(async () => {
  host = await startMemoryRegistry();
});
afterAll(() => host.stop());

async function revisionOf(name: string, sha: string, kind: 'oci' | 'docker' = 'oci') {
  await pushBuild({ registry: host.host, repository: name, tag: 'it', sha, kind });
  const registry = createRegistry({ waits: SHORT });
  const manifest = await getManifest(registry, parseRepository(`${host.host}/${name}`), parseTag('it'));
  return readRevision(registry, manifest).finally(() => registry.close());
}
const ok = (body: string) => ({ status: 200, headers: {}, body: Buffer.from(body) });
const isBlob = ({ method, path }: { method: string; path: string }) => method === 'GET' && path.includes('/blobs/');

describe('readRevision', () => {
  test.each(['oci', 'docker'] as const)(
    'the commit is read from the label of the first platform (%s)',
    async (kind) => {
      const sha = newSha();
      expect(await revisionOf(`named-${kind}`, sha, kind)).toBe(sha);
    },
  );

  test('the annotation of an index comes before its children', async () => {
    const [label, annotation] = [newSha(), newSha()];
    const { digest } = await pushBuild({ registry: host.host, repository: 'annotated', tag: 'it', sha: label });
    const at = (reference: string) => `http://${host.host}/v2/annotated/manifests/${reference}`;
    const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' };
    const index = await (await fetch(at(digest), { headers: { accept: headers['content-type'] } })).json();
    const annotations = { 'org.opencontainers.image.revision': annotation };
    await fetch(at('it'), { method: 'PUT', headers, body: JSON.stringify({ ...(index as object), annotations }) });
    const registry = createRegistry({ waits: SHORT });
    const manifest = await getManifest(registry, parseRepository(`${host.host}/annotated`), parseTag('it'));
    expect(await readRevision(registry, manifest)).toBe(annotation);
    await registry.close();
  });

  test('a label that is not a commit gives null', async () => {
    expect(await revisionOf('branch', 'main')).toBeNull();
  });

  test.each([
    ['cannot be read', () => ociError(404, 'BLOB_UNKNOWN', 'gone')],
    ['is not the one that was asked for', () => ok('{"config":{"Labels":{}}}')],
    ['is invalid', () => ok('<html>')],
  ])('null is returned, without an error, if the configuration %s', async (_what, respond) => {
    const heal = host.faults.add({ match: isBlob, respond });
    expect(await revisionOf('unread', newSha())).toBeNull();
    heal();
  });
});
