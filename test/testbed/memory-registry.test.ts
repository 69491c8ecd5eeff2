import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pushBuild } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { digestOf, ociError, type RegistryRequest } from '../../testbed/registry-store.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

let registry: MemoryRegistry;

beforeEach(async () => {
  registry = await startMemoryRegistry();
});

afterEach(() => registry.stop());

test('an image and its index come back byte for byte, by tag and by digest, with their media types', async () => {
  const child = await pushImage('one');
  const index = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: child }] }, null, 3),
  );
  const put = await putManifest('latest', index, INDEX);
  expect(put.status).toBe(201);
  expect(put.headers.get('docker-content-digest')).toBe(digestOf(index));
  for (const reference of ['latest', digestOf(index)]) {
    const got = await call(`manifests/${reference}`);
    expect(got.headers.get('content-type')).toBe(INDEX);
    expect(Buffer.from(await got.arrayBuffer())).toEqual(index);
    const head = await call(`manifests/${reference}`, { method: 'HEAD' });
    expect(head.headers.get('docker-content-digest')).toBe(digestOf(index));
    expect(head.headers.get('content-length')).toBe(`${index.length}`);
  }
  expect(await (await call('tags/list')).json()).toEqual({ name: 'app/web', tags: ['latest'] });
  expect(registry.unforeseen).toEqual([]);
});

test.for([
  [
    'an index whose child is not there',
    'x',
    { manifests: [{ digest: digestOf(Buffer.from('x')) }] },
    'MANIFEST_BLOB_UNKNOWN',
  ],
  [
    'an image whose layer is not there',
    'x',
    { layers: [{ digest: digestOf(Buffer.from('x')) }] },
    'MANIFEST_BLOB_UNKNOWN',
  ],
  ['bytes under a digest that is not theirs', digestOf(Buffer.from('x')), {}, 'DIGEST_INVALID'],
  ['a media type that the manifest contradicts', 'x', { mediaType: MANIFEST }, 'MANIFEST_INVALID'],
] as const)('%s is refused', async ([, reference, manifest, code]) => {
  const answer = await putManifest(reference, Buffer.from(JSON.stringify(manifest)), INDEX);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ errors: [{ code }] });
});

test.for([
  ['manifests/none', 'MANIFEST_UNKNOWN'],
  [`blobs/${digestOf(Buffer.from('none'))}`, 'BLOB_UNKNOWN'],
  ['tags/list', 'NAME_UNKNOWN'],
])('%s of nothing is a 404 with an OCI error', async ([path = '', code]) => {
  const answer = await call(path);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ errors: [{ code }] });
});

test('an unexpected request is answered 500 and kept', async () => {
  expect((await call('manifests/latest', { method: 'DELETE' })).status).toBe(500);
  expect(registry.unforeseen).toEqual(['DELETE /v2/app/web/manifests/latest']);
});

test('the log tells what came, when, and how it was answered', async () => {
  const before = Date.now();
  await call('manifests/none');
  expect(registry.requests).toMatchObject([{ method: 'GET', path: '/v2/app/web/manifests/none', status: 404 }]);
  expect(registry.requests[0]?.at).toBeGreaterThanOrEqual(before);
});

const putsOf = (tag: string) => (request: RegistryRequest) =>
  request.method === 'PUT' && request.path === `/v2/app/web/manifests/${tag}`;

test('fault: the first two PUTs of a tag are answered 503', async () => {
  registry.faults.add({ match: putsOf('latest'), times: 2, respond: () => ociError(503, 'UNAVAILABLE', 'busy') });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await putManifest('latest', Buffer.from('{}'), MANIFEST)).status);
  expect(statuses).toEqual([503, 503, 201]);
  expect((await putManifest('other', Buffer.from('{}'), MANIFEST)).status).toBe(201);
});

test('fault: a PUT is answered 201 with another digest', async () => {
  const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) };
  registry.faults.add({ match: putsOf('latest'), respond: (_, serve) => ({ ...serve(), headers }) });
  const put = await putManifest('latest', Buffer.from('{}'), MANIFEST);
  expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, headers['docker-content-digest']]);
});

test('fault: the connection drops after the PUT was applied', async () => {
  const respond = (_: RegistryRequest, serve: () => unknown) => {
    serve();
    return 'drop' as const;
  };
  registry.faults.add({ match: putsOf('latest'), times: 1, respond });
  await expect(putManifest('latest', Buffer.from('{}'), MANIFEST)).rejects.toThrow();
  expect((await call('manifests/latest')).status).toBe(200);
});

test('fault: a request hangs, and stopping the registry ends it', async () => {
  registry.faults.add({ match: () => true, respond: () => 'hang' });
  const hanging = call('manifests/latest').catch(() => 'ended');
  expect(await Promise.race([hanging, sleep(100, 'hangs')])).toBe('hangs');
  await registry.stop();
  expect(await hanging).toBe('ended');
});

test('fault: tag reads lag behind, digest reads do not', async () => {
  const isTagRead = (request: RegistryRequest) => request.method === 'GET' && request.path.endsWith('/latest');
  registry.faults.add({ match: isTagRead, respond: (_, serve) => serve({ asOf: Date.now() - 150 }) });
  await putManifest('latest', Buffer.from('{}'), MANIFEST);
  expect((await call('manifests/latest')).status).toBe(404);
  expect((await call(`manifests/${digestOf(Buffer.from('{}'))}`)).status).toBe(200);
  await sleep(200);
  expect((await call('manifests/latest')).status).toBe(200);
});

test('fault: altered bytes, until the fault is taken away', async () => {
  await putManifest('latest', Buffer.from('{}'), MANIFEST);
  const remove = registry.faults.add({
    match: ({ method }) => method === 'GET',
    respond: (_, serve) => ({ ...serve(), body: Buffer.from('{ }') }),
  });
  expect(await (await call('manifests/latest')).text()).toBe('{ }');
  remove();
  expect(await (await call('manifests/latest')).text()).toBe('{}');
});

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${registry.host}/v2/app/web/${path}`, init);
}

function putManifest(reference: string, body: Buffer, mediaType: string): Promise<Response> {
  const headers = { 'content-type': mediaType };
  return call(`manifests/${reference}`, { method: 'PUT', headers, body: new Uint8Array(body) });
}

/** A blob in the two requests of a monolithic upload, and an image that is just that blob. */
async function pushImage(text: string): Promise<string> {
  const blob = Buffer.from(text);
  const { headers } = await call('blobs/uploads/', { method: 'POST' });
  const upload = new URL(headers.get('location') ?? '', `http://${registry.host}`);
  upload.searchParams.set('digest', digestOf(blob));
  expect((await fetch(upload, { method: 'PUT', body: text })).status).toBe(201);
  expect(await (await call(`blobs/${digestOf(blob)}`)).text()).toBe(text);
  const manifest = Buffer.from(JSON.stringify({ mediaType: MANIFEST, layers: [{ digest: digestOf(blob) }] }));
  expect((await putManifest(digestOf(manifest), manifest, MANIFEST)).status).toBe(201);
  return digestOf(manifest);
}

test('a build that is pushed without the network meets the faults, is in the list of requests, and is there for others', async () => {
  const spec = { registry: registry.host, repository: 'app/web', tag: 'staging', sha: 'a'.repeat(40) };
  const heal = registry.faults.add({
    match: ({ method }) => method === 'PUT',
    respond: () => ociError(503, 'DOWN', ''),
  });
  await expect(pushBuild(spec)).rejects.toThrow(/^PUT http:.*: 503 /);
  heal();
  registry.faults.add({ match: ({ method }) => method === 'POST', times: 1, respond: () => 'drop' });
  await expect(pushBuild(spec)).rejects.toThrow('the registry would drop it');
  const before = registry.requests.length;
  const { digest } = await pushBuild(spec);
  const asked = registry.requests.slice(before).map(({ method, status }) => `${method} ${status}`);
  expect(asked.sort()).toEqual([...Array(3).fill('POST 202'), ...Array(6).fill('PUT 201')]);
  expect((await call('manifests/staging')).headers.get('docker-content-digest')).toBe(digest);
  await registry.stop();
  await expect(pushBuild(spec)).rejects.toThrow('fetch failed');
});
