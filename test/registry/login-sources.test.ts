import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import type { Repository, Tag } from '../../src/contract/image.js';
import { firstOf } from '../../src/registry/auth/credentials.js';
import type { CredentialSource, Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { startTokenServer, type TokenServer } from '../../testbed/token-server.js';
import { as, at, publish, SHORT, WRITER } from './support.js';

let registry: MemoryRegistry;
let tokens: TokenServer;
let repository: Repository;
let tag: Tag;
let heal: () => void;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  tokens = await startTokenServer({ users: [WRITER], anonymousPull: true });
  tokens.behavior.opaque = true;
  repository = at(registry.host, 'guarded');
  tag = (await publish(registry.host, ['guarded']))[0]?.tag as Tag;
  heal = registry.faults.add({
    match: () => true,
    respond: (request, serve) => tokens.refuse(request) ?? serve(),
  });
});
afterAll(async () => {
  heal();
  await Promise.all([registry.stop(), tokens.stop()]);
});
let client: Registry;
afterEach(() => client.close());
const open = (credentials: CredentialSource) => {
  client = createRegistry({ waits: SHORT, credentials, push: true });
  return client;
};
const broken: CredentialSource = async () => {
  throw new InvalidInput('auth.json is not JSON (fix it, or log in again)');
};

describe('a source of logins that cannot be read', () => {
  test('stops no read that needs no login', async () => {
    expect(await readTag(open(broken), repository, tag)).not.toBeNull();
  });

  test('is told where a login is needed, and a 404 does not count as a missing tag then', async () => {
    const manifest = await getManifest(open(as(WRITER)), repository, tag);
    await client.close();
    await expect(putTag(open(broken), manifest, tag)).rejects.toThrow('auth.json is not JSON');
    const hides = registry.faults.add({
      match: ({ path }) => path.endsWith('/manifests/hidden'),
      respond: (request) => tokens.refuse(request) ?? ociError(404, 'MANIFEST_UNKNOWN', 'no'),
    });
    await client.close();
    await expect(readTag(open(broken), repository, 'hidden' as Tag).finally(hides)).rejects.toThrow('is not JSON');
  });
});

test('a login that is refused gives way to the next source, which may write', async () => {
  const refused = as({ name: 'actor', password: 'of-another-owner' });
  const manifest = await getManifest(open(firstOf(refused, as(WRITER))), repository, tag);
  await putTag(client, manifest, tag);
  await client.close();
  await expect(readTag(open(refused), repository, tag)).rejects.toThrow(/status 401/);
});
