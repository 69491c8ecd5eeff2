import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, parseRepository, parseTag } from '../../src/contract/image.js';
import type { Manifest, Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';
import { SHORT } from './support.js';

let server: MemoryRegistry;
let registry: Registry;
let manifest: Manifest;
beforeAll(async () => {
  server = await startMemoryRegistry();
  registry = createRegistry({ push: true, waits: SHORT });
  await pushBuild({ registry: server.host, repository: 'app', tag: 'it', sha: newSha() });
  manifest = await getManifest(registry, parseRepository(`${server.host}/app`), parseTag('it'));
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});

const errors = (code: string, message: string, detail?: unknown) =>
  JSON.stringify({ errors: [{ code, message, detail }] });
const EXEMPT = 'the registry does not let this tag move: exempt it from tag immutability';
const RIGHT = 'these credentials may push, but not overwrite a tag: get the right to delete or overwrite';
const QUOTA = 'is used up: raise it, or remove what no one needs';
const READ_ONLY = 'takes no writes, as in read-only mode or maintenance: it is retried';
const PUSH = 'these credentials may not write: get push access';

/** Texts as people have reported them; docs/registries.md names each source. */
const TEXTS: [registry: string, status: number, body: string, kind: string, fix: string][] = [
  [
    'ECR, the repository is immutable',
    400,
    errors(
      'TAG_INVALID',
      "The image tag 'latest' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.",
    ),
    'tag-immutable',
    EXEMPT,
  ],
  [
    'ECR, the tag is immutable',
    400,
    errors(
      'TAG_INVALID',
      "The image tag 'latest' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.",
    ),
    'tag-immutable',
    EXEMPT,
  ],
  [
    'Google Artifact Registry',
    400,
    errors('MANIFEST_INVALID', 'cannot update tag latest. The repository has enabled tag immutability'),
    'tag-immutable',
    EXEMPT,
  ],
  [
    'Azure, a locked tag',
    405,
    errors(
      'REGISTRY_DISALLOWED_OPERATION',
      'The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/',
      {},
    ),
    'tag-immutable',
    EXEMPT,
  ],
  ['a code of its own, without words', 409, errors('TAG_IMMUTABLE', ''), 'tag-immutable', EXEMPT],
  [
    'Nexus',
    400,
    errors('BLOB_UPLOAD_INVALID', 'blob upload invalid', 'Repository does not allow updating assets: docker-hosted'),
    'tag-immutable',
    EXEMPT,
  ],
  [
    'Harbor',
    412,
    errors('PRECONDITION', "Failed to process request due to 'library/app:latest' configured as immutable."),
    'tag-immutable',
    EXEMPT,
  ],
  [
    'Artifactory, without the right to delete',
    403,
    errors(
      'DENIED',
      'denied',
      "Not enough permissions to delete/overwrite artifact 'docker-local:app/latest/manifest.json' (user 'ci' needs DELETE permission).",
    ),
    'denied',
    RIGHT,
  ],
  [
    'Harbor, the quota',
    403,
    errors(
      'DENIED',
      'adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB will exceed the configured upper limit of 10.0 MiB.',
    ),
    'rejected',
    QUOTA,
  ],
  [
    'Harbor, read-only while it collects garbage',
    403,
    errors('DENIED', 'The system is in read only mode. Any modification is prohibited.'),
    'transient',
    READ_ONLY,
  ],
  ['distribution, read-only', 405, errors('UNSUPPORTED', 'The operation is unsupported.'), 'transient', READ_ONLY],
  [
    'a login that may only read',
    403,
    errors('DENIED', 'The access token has a read-only scope on this registry.'),
    'denied',
    PUSH,
  ],
  ['a registry in maintenance', 403, errors('DENIED', 'Registry is in maintenance'), 'transient', READ_ONLY],
  ['no right to push at all', 403, errors('DENIED', 'requested access to the resource is denied'), 'denied', PUSH],
];

describe('a refused write of :latest', () => {
  test.each(TEXTS)('%s', async (_registry, status, body, kind, fix) => {
    const headers = { 'content-type': 'application/json' };
    const heal = server.faults.add({ match: isPut(), respond: () => ({ status, headers, body: Buffer.from(body) }) });
    const error = await putTag(registry, manifest, LATEST).catch((caught: unknown) => caught);
    heal();
    expect(error).toMatchObject({ kind, message: expect.stringContaining(fix) });
  });
});

test('an upload that "already exists" is no tag that may not move', async () => {
  const heal = server.faults.add({
    match: ({ method, path }) => method === 'POST' && path.endsWith('/blobs/uploads/'),
    respond: () => ({ status: 409, headers: {}, body: Buffer.from(errors('CONFLICT', 'upload already exists')) }),
  });
  const error = await probeWrite(registry, manifest.repository).catch((caught: unknown) => caught);
  heal();
  expect(error).toMatchObject({ kind: 'rejected', message: expect.not.stringContaining('immutability') });
});
