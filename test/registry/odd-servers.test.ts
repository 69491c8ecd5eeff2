import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, type Repository, type Tag } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { type Fault, type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type Answer, digestOf, ociError } from '../../testbed/registry-store.js';
import { at, errorOf, publish, SHORT } from './support.js';

// What proxies and gateways before a registry, and registries that are unlike the others, do to an answer.
let registry: MemoryRegistry;
let client: Registry;
let repository: Repository;
let tag: Tag;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  client = createRegistry({ waits: SHORT });
  repository = at(registry.host, 'odd');
  tag = (await publish(registry.host, ['odd']))[0]?.tag as Tag;
});
afterAll(async () => {
  await client.close();
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
});
/** Runs with one fault. */
const under = async <T>(fault: Fault, run: () => Promise<T>): Promise<T> => {
  const heal = registry.faults.add(fault);
  return run().finally(heal);
};
const heads: Fault['match'] = ({ method }) => method === 'HEAD';
const manifests: Fault['match'] = ({ path }) => path.includes('/manifests/');
/** Answer with a header twice, which the type of an answer does not have. */
const twice = (answer: Answer, name: string, values: string[]): Answer =>
  ({ ...answer, headers: { ...answer.headers, [name]: values } }) as unknown as Answer;

describe('a HEAD that is refused', () => {
  test.each([403, 404, 405, 501])('with %i is followed by a GET, which finds the manifest', async (status) => {
    const manifest = await getManifest(client, repository, tag);
    const own = createRegistry({ waits: SHORT });
    await under({ match: heads, respond: () => ({ status, headers: {} }) }, () => requireChildren(own, manifest));
    await own.close();
    const asked = registry.requests.filter(manifests).slice(-2 * manifest.children.length);
    expect(asked.map(({ method }) => method).sort()).toEqual(['GET', 'GET', 'HEAD', 'HEAD']);
  });

  test('and a GET that finds nothing: the manifest is missing', async () => {
    const manifest = await getManifest(client, repository, tag);
    const own = createRegistry({ waits: SHORT });
    // What was read before counts no more.
    for (const child of manifest.children) await getManifest(own, repository, child);
    const isChild: Fault['match'] = ({ path }) => path.includes('/manifests/sha256:');
    const respond = ({ method }: { method: string }) => ({ status: method === 'HEAD' ? 405 : 404, headers: {} });
    const error = await under({ match: isChild, respond }, () => errorOf(requireChildren(own, manifest)));
    await own.close();
    expect(error).toMatchObject({ kind: 'not-found', message: expect.stringContaining('2 of its 2 manifests') });
  });

  test('and a GET that is refused as well: its message is told', async () => {
    const manifest = await getManifest(client, repository, tag);
    const own = createRegistry({ waits: SHORT });
    const isChild: Fault['match'] = ({ path }) => path.includes('/manifests/sha256:');
    const error = await under({ match: isChild, respond: () => ociError(403, 'DENIED', 'not for you') }, () =>
      errorOf(requireChildren(own, manifest)),
    );
    await own.close();
    expect(error).toMatchObject({ kind: 'denied', message: expect.stringContaining('DENIED: not for you') });
  });
});

describe('an answer that a proxy changed', () => {
  test.each([
    ['as two headers', (digest: string) => [digest, digest]],
    ['in one header', (digest: string) => [`${digest}, ${digest}`]],
    ['as an empty header', () => ['']],
    ['in quotes', (digest: string) => [`"${digest}"`]],
  ])('names its digest %s: it is read and moved', async (_how, values) => {
    const respond: Fault['respond'] = (_, serve) => {
      const answer = serve();
      return twice(answer, 'docker-content-digest', values(answer.headers['docker-content-digest'] ?? ''));
    };
    await under({ match: manifests, respond }, async () => {
      const manifest = await getManifest(client, repository, tag);
      await requireChildren(client, manifest);
      await putTag(client, manifest, LATEST);
      expect(await readTag(client, repository, LATEST)).toBe(manifest.digest);
    });
  });

  test('has a head of 100 KiB: it is read', async () => {
    const respond: Fault['respond'] = (_, serve) => {
      const answer = serve();
      return { ...answer, headers: { ...answer.headers, 'set-cookie': 'x'.repeat(100 * 1024) } };
    };
    expect(await under({ match: manifests, respond }, () => readTag(client, repository, tag))).not.toBeNull();
  });

  test.each([{ mediaType: null }, { mediaType: null, layers: null }])(
    'is an index with %j: it is read as if that was missing',
    async (nulls) => {
      const { bytes } = await getManifest(client, repository, tag);
      const body = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(bytes).toString()), ...nulls }));
      const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' };
      const read = await under({ match: manifests, respond: () => ({ status: 200, headers, body }) }, () =>
        getManifest(client, repository, tag),
      );
      expect(read).toMatchObject({ digest: digestOf(body), children: [expect.any(String), expect.any(String)] });
    },
  );

  test('names two digests: it is refused', async () => {
    const other = `sha256:${'1'.repeat(64)}`;
    const respond: Fault['respond'] = (_, serve) => {
      const answer = serve();
      return twice(answer, 'docker-content-digest', [answer.headers['docker-content-digest'] ?? '', other]);
    };
    const error = await under({ match: manifests, respond }, () => errorOf(readTag(client, repository, tag)));
    expect(error).toMatchObject({ kind: 'integrity', message: expect.stringContaining(other) });
  });

  const zipped = (body: Buffer, coding = 'gzip'): Fault['respond'] => {
    return (_, serve) => ({ ...serve(), headers: { ...serve().headers, 'content-encoding': coding }, body });
  };

  test('is compressed, although that was not asked for: its digest is that of the manifest', async () => {
    const { bytes, digest } = await getManifest(client, repository, tag);
    const read = await under({ match: manifests, respond: zipped(gzipSync(bytes)) }, () =>
      getManifest(client, repository, tag),
    );
    expect(read.digest).toBe(digest);
  });

  test.each(['', 'identity', 'aws-chunked', 'gzip, aws-chunked'])(
    'is marked as of the coding %j: its digest is that of the manifest',
    async (coding) => {
      const { bytes, digest } = await getManifest(client, repository, tag);
      const body = coding.startsWith('gzip') ? gzipSync(bytes) : Buffer.from(bytes);
      const read = await under({ match: manifests, respond: zipped(body, coding) }, () =>
        getManifest(client, repository, tag),
      );
      expect(read.digest).toBe(digest);
    },
  );

  test.each([
    ['of another content', zipped(gzipSync(Buffer.from('{}'))), 'the registry names digest'],
    ['that is broken', zipped(Buffer.from('no gzip')), 'invalid-compression'],
    ['of five million blanks', zipped(gzipSync(Buffer.alloc(5_000_000, 32))), 'more than 4194304 bytes'],
    ['of a coding that is not known', zipped(Buffer.from('{}'), 'zstd'), 'unknown encoding "zstd"'],
  ])('is compressed data %s: it is refused', async (_what, respond, why) => {
    const error = await under({ match: manifests, respond }, () => errorOf(readTag(client, repository, tag)));
    expect(error.message).toContain(why);
  });

  test('is compressed and an error: its message is told', async () => {
    const body = gzipSync(JSON.stringify({ errors: [{ code: 'DENIED', message: 'not for you' }] }));
    const respond = () => ({ status: 403, headers: { 'content-encoding': 'gzip' }, body });
    const error = await under({ match: manifests, respond }, () => errorOf(readTag(client, repository, tag)));
    expect(error.message).toContain('status 403 DENIED: not for you');
  });
});

describe('a login before the registry', () => {
  let login: Server;
  const page = () => `http://127.0.0.1:${(login.address() as AddressInfo).port}/login`;
  beforeAll(() => {
    login = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>')).listen(
      0,
      '127.0.0.1',
    );
  });
  afterAll(() => void login.close());

  test('is named with its address, for a read and a write', async () => {
    const respond = () => ({ status: 302, headers: { location: `${page()}?state=secret-state` } });
    const [read, write] = await under({ match: () => true, respond }, async () => [
      await errorOf(readTag(client, repository, LATEST)),
      await errorOf(probeWrite(client, repository)),
    ]);
    expect(read.message).toContain(`redirected to ${page()}, which answers with a page (is that a login`);
    expect(write.message).toContain(`status 302: redirects to ${page()} (is there a login before 127.0.0.1`);
    expect(`${read.message}${write.message}`).not.toContain('secret-state');
  });

  test('is named with its address where it stands before the token server', async () => {
    const elsewhere = createServer((_, response) => response.writeHead(302, { location: page() }).end());
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const realm = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/token`;
    const challenge = { 'www-authenticate': `Bearer realm="${realm}"` };
    const own = createRegistry({ waits: SHORT });
    const error = await under({ match: () => true, respond: () => ({ status: 401, headers: challenge }) }, () =>
      errorOf(readTag(own, repository, LATEST)),
    );
    await own.close();
    elsewhere.close();
    expect(error.message).toContain(`GET ${realm} (redirected to ${page()}): the answer is not a token`);
  });
});

test('an index of 300 manifests is called that, and is final', async () => {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const child = (index: number) => ({ mediaType, size: 2, digest: digestOf(Buffer.from(String(index))) });
  const body = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: Array.from({ length: 300 }, (_, i) => child(i)) }),
  );
  const respond = () => ({ status: 200, headers: { 'content-type': mediaType }, body });
  const error = await under({ match: manifests, respond }, () => errorOf(readTag(client, repository, tag)));
  expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('an index of 300 manifests') });
});

test('a 413 names the size that was sent, and the proxy that may have refused it', async () => {
  const manifest = await getManifest(client, repository, tag);
  const respond = () => ({ status: 413, headers: {}, body: Buffer.from('<html>413 Request Entity Too Large') });
  const error = await under({ match: ({ method }) => method === 'PUT', respond }, () =>
    errorOf(putTag(client, manifest, LATEST)),
  );
  expect(error.message).toContain(
    `the ${manifest.bytes.length} bytes sent are too large for the registry, or for a pro`,
  );
});

describe('a connection', () => {
  /** Serves the manifest by hand, as a server of HTTP/1.0 does: no length, and the end of the connection ends the body. */
  const serving = async (onRequest: (nth: number) => boolean) => {
    const { bytes, mediaType } = await getManifest(client, repository, tag);
    const head = `HTTP/1.0 200 OK\r\ncontent-type: ${mediaType}\r\n\r\n`;
    const server = createTcpServer((socket) => {
      let nth = 0;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        nth += 1;
        if (onRequest(nth)) socket.end(Buffer.concat([Buffer.from(head), bytes]));
        else socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server;
  };
  const hostOf = (server: { address(): unknown }) => `127.0.0.1:${(server.address() as AddressInfo).port}`;

  test('of HTTP/1.0, without a length, gives the manifest', async () => {
    const { digest } = await getManifest(client, repository, tag);
    const server = await serving(() => true);
    expect(await readTag(client, at(hostOf(server), 'odd'), tag)).toBe(digest);
    server.close();
  });

  test('of the pool serves two tries; the third opens its own, for the pool may lead to a dead server', async () => {
    const sockets: object[] = [];
    const server = createServer((request, response) => {
      sockets.push(request.socket);
      response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const own = createRegistry({ waits: SHORT });
    await errorOf(readTag(own, at(hostOf(server), 'odd'), tag));
    await own.close();
    server.close();
    expect(sockets).toHaveLength(3);
    expect([sockets[1] === sockets[0], sockets.indexOf(sockets[2] as object)]).toEqual([true, 2]);
  });
});
