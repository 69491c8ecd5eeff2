import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Digest, LATEST, parseRepository } from '../../src/contract/image.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { endpointOf, requireReachable } from '../../src/registry/transport/endpoint.js';
import { inTrace, newTrace, type Span } from '../../src/tracing/spans.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { as, at, errorOf, publish, SHORT, WRITER } from './support.js';

/** Secrets of these tests. Messages go into logs, histories and reports, so no message may contain one. */
const SECRETS = [
  'writer-password',
  Buffer.from('writer:writer-password').toString('base64'),
  'signature=',
  'the-token-of-the-test',
];
const expectNoSecret = (error: Error) => {
  const texts = [error.message, JSON.stringify(error), String(error.stack), String(error.cause)].join('\n');
  for (const secret of SECRETS) expect(texts).not.toContain(secret);
};

describe('redirects', () => {
  let registry: MemoryRegistry;
  let storage: MemoryRegistry;
  /** Content of the registry, and content that is stored on another host. */
  let inside: Digest;
  let digest: Digest;
  let elsewhere: Server;
  let seen: IncomingMessage[] = [];
  const otherHost = () => `localhost:${(elsewhere.address() as AddressInfo).port}`;
  const client = () => createRegistry({ waits: SHORT, credentials: as(WRITER) });
  beforeAll(async () => {
    registry = await startMemoryRegistry();
    storage = await startMemoryRegistry();
    const [first] = await publish(registry.host, ['moved']);
    inside = first?.digest as Digest;
    const [build] = await publish(storage.host, ['moved']);
    digest = build?.digest as Digest;
    elsewhere = createServer((request, response) => {
      seen.push(request);
      const challenge = `Bearer realm="http://${otherHost()}/token",scope="repository:moved:delete", Basic realm="your password"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end('signature=abc');
    }).listen(0, '127.0.0.1');
    // The registry requires Basic, and redirects every read of a digest.
    registry.faults.add({
      match: ({ headers }) => headers.authorization === undefined,
      respond: () => ociError(401, 'UNAUTHORIZED', 'who?', { 'www-authenticate': 'Negotiate, Basic realm="r"' }),
    });
  });
  afterAll(async () => {
    await registry.stop();
    await storage.stop();
    elsewhere.close();
  });
  const sendTo = (location: string, status = 307) =>
    registry.faults.add({
      match: ({ path }) => path.includes('/manifests/'),
      respond: () => ({ status, headers: { location } }),
    });

  test.each([301, 302, 303, 307, 308])('a read follows a %i without the password', async (status) => {
    const heal = sendTo(`http://${storage.host}/v2/moved/manifests/${digest}?signature=abc`, status);
    const own = client();
    const manifest = await getManifest(own, at(registry.host, 'moved'), digest);
    heal();
    await own.close();
    expect(manifest.digest).toBe(digest);
    expect(registry.requests.at(-1)?.headers.authorization).toBeDefined();
    expect(storage.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  test('a span tells the path on the registry itself, and of another host no path, whatever it begins with', async () => {
    const heal = sendTo(`http://${storage.host}/v2/moved/manifests/${digest}?signature=abc`);
    const spans: Span[] = [];
    const own = client();
    const get = () => getManifest(own, at(registry.host, 'moved'), digest);
    await inTrace((span) => void spans.push(span), newTrace(), { name: 'test' }, get);
    heal();
    await own.close();
    const pathsOn = (host: string) =>
      spans
        .filter(({ attributes }) => attributes['server.port'] === Number(host.split(':').at(-1)))
        .map(({ attributes }) => attributes['url.path'] ?? null);
    expect(pathsOn(registry.host)).toContain(`/v2/moved/manifests/${digest}`);
    expect(pathsOn(storage.host)).toEqual([null]);
  });

  test('another host that challenges gets no password, and its 401 is transient', async () => {
    seen = [];
    const heal = sendTo(`http://${otherHost()}/blob?signature=abc`);
    const own = client();
    const error = await errorOf(readTag(own, at(registry.host, 'moved'), LATEST));
    heal();
    await own.close();
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined, undefined]);
    expect(error.message).toContain(`(redirected to ${otherHost()}): status 401: its message is not repeated`);
    expect(error.kind).toBe('transient');
    expectNoSecret(error);
  });

  test('a 404 of another host is transient, not a missing tag', async () => {
    const heal = sendTo(`http://${storage.host}/v2/moved/manifests/gone`);
    const own = client();
    const error = await errorOf(readTag(own, at(registry.host, 'moved'), LATEST));
    heal();
    await own.close();
    expect(error.kind).toBe('transient');
  });

  test('a redirect on the same origin gets the credentials', async () => {
    const heal = registry.faults.add({
      match: ({ path }) => path.endsWith('/manifests/latest'),
      respond: () => ({ status: 307, headers: { location: `/v2/moved/manifests/${inside}` } }),
    });
    const own = client();
    expect(await readTag(own, at(registry.host, 'moved'), LATEST)).toBe(inside);
    heal();
    await own.close();
    expect(registry.requests.at(-1)).toMatchObject({
      path: `/v2/moved/manifests/${inside}`,
      headers: { authorization: expect.any(String) },
    });
  });

  test.each([307, 308])('a write follows a %i on the same origin, with the credentials', async (status) => {
    const own = client();
    const repository = at(registry.host, 'moved');
    const manifest = await getManifest(own, repository, inside);
    const stop = registry.faults.add({
      match: ({ method, query }) => method === 'PUT' && !query.has('here'),
      respond: ({ path }) => ({ status, headers: { location: `${path}?here=1` } }),
    });
    await putTag(own, manifest, LATEST);
    stop();
    expect(await readTag(own, repository, LATEST)).toBe(manifest.digest);
    await own.close();
  });

  test('a redirect loop is refused', async () => {
    const heal = sendTo('/v2/moved/manifests/latest');
    const own = client();
    const error = await errorOf(readTag(own, at(registry.host, 'moved'), LATEST));
    heal();
    await own.close();
    expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('more than 5 redirects') });
  });

  test('a PUT is not redirected, and the upload of a probe is not cancelled on another host', async () => {
    seen = [];
    const own = client();
    const repository = at(registry.host, 'moved');
    const put = sendTo(`http://${otherHost()}/v2/moved/manifests/latest`, 308);
    const manifest = {
      repository,
      digest,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      bytes: Buffer.from('{}'),
      children: [],
      attestations: [],
    };
    expect(await errorOf(putTag(own, manifest, LATEST))).toMatchObject({ kind: 'rejected', status: 308 });
    put();
    const upload = registry.faults.add({
      match: ({ method }) => method === 'POST',
      respond: () => ({ status: 202, headers: { location: `http://${otherHost()}/upload` } }),
    });
    await probeWrite(own, repository);
    upload();
    await own.close();
    expect(seen).toEqual([]);
  });

  test('a probe leaves nothing behind', async () => {
    const own = client();
    await probeWrite(own, at(registry.host, 'moved'));
    await own.close();
    expect(registry.requests.slice(-2).map(({ method, status }) => [method, status])).toEqual([
      ['POST', 202],
      ['DELETE', 204],
    ]);
  });

  test('secrets that a server sends back are not in the message', async () => {
    const heal = registry.faults.add({
      match: ({ headers, path }) => headers.authorization !== undefined && path.includes('/echo/'),
      respond: ({ headers }) =>
        ociError(
          403,
          'DENIED',
          `you sent ${headers.authorization}, ${Buffer.from(headers.authorization?.slice(6) ?? '', 'base64')} ${'x'.repeat(210)}${headers.authorization}`,
        ),
    });
    const own = client();
    const error = await errorOf(readTag(own, at(registry.host, 'echo/web'), LATEST));
    heal();
    await own.close();
    expect(error.message).toContain('[secret]');
    expectNoSecret(error);
    expect(error.message).not.toContain(Buffer.from('writer:').toString('base64').slice(0, 6));
  });
});

describe('requireReachable', () => {
  const allowed: [string, string][] = [
    ['ghcr.io', 'https://ghcr.io/token'],
    ['ghcr.io', 'https://auth.example.com/token'],
    ['ghcr.io', 'https://pkg-containers.githubusercontent.com/x?sig=1'],
    ['10.0.0.5:5000', 'https://10.0.0.5:5000/token'],
    ['10.0.0.5:5050', 'https://10.0.0.5/jwt/auth'],
    ['10.0.0.5:5000', 'https://192.168.1.7/token'],
    ['[fd00::5]:5000', 'https://[fd00::7]/token'],
    ['10.0.0.8:5000', 'https://10.0.0.8/jwt/auth'],
    ['10.0.0.8:5000', 'http://10.0.0.8:5050/jwt/auth'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['127.0.0.1:5000', 'http://localhost:5001/token'],
    ['[::1]:5000', 'http://[::1]:5001/token'],
    ['localhost:5000', 'https://10.0.0.1/token'],
    ['localhost:5000', 'http://10.0.0.9:5001/token'],
    ['reg.lan:5000', 'http://reg.lan:5001/token'],
    ['reg.lan:5000', 'http://10.0.0.9:5001/token'],
  ];
  const refused: [string, string, string][] = [
    ['ghcr.io', 'http://ghcr.io/token', 'plain http'],
    ['ghcr.io', 'http://auth.example.com/token', 'plain http'],
    ['ghcr.io', 'https://127.0.0.1/token', 'this machine or network'],
    ['ghcr.io', 'https://localhost/token', 'this machine or network'],
    ['ghcr.io', 'https://localhost./token', 'this machine or network'],
    ['ghcr.io', 'https://a.localhost/token', 'this machine or network'],
    ['ghcr.io', 'https://0x7f.1/token', 'this machine or network'],
    ['ghcr.io', 'https://2130706433/token', 'this machine or network'],
    ['ghcr.io', 'https://0.0.0.0/token', 'this machine or network'],
    ['ghcr.io', 'https://[::]/token', 'this machine or network'],
    ['ghcr.io', 'https://[::1]/token', 'this machine or network'],
    ['ghcr.io', 'https://[::ffff:169.254.169.254]/token', 'this machine or network'],
    ['ghcr.io', 'https://[64:ff9b::10.0.0.1]/token', 'this machine or network'],
    ['ghcr.io', 'https://[fe80::1]/token', 'this machine or network'],
    ['ghcr.io', 'https://[fd00::1]/token', 'this machine or network'],
    ['ghcr.io', 'https://169.254.169.254/latest/meta-data', 'this machine or network'],
    ['ghcr.io', 'https://10.1.2.3/token', 'this machine or network'],
    ['ghcr.io', 'https://172.31.0.1/token', 'this machine or network'],
    ['ghcr.io', 'https://192.168.1.1/token', 'this machine or network'],
    ['ghcr.io', 'https://100.64.0.1/token', 'this machine or network'],
    ['10.0.0.5:5000', 'https://127.0.0.1/token', 'this machine or network'],
    ['10.0.0.5:5000', 'https://169.254.169.254/latest/meta-data', 'this machine or network'],
    ['10.0.0.5:5000', 'https://100.100.100.200/latest/meta-data', 'this machine or network'],
    ['[fd00::5]:5000', 'https://[fd00:ec2::254]/latest/meta-data', 'this machine or network'],
    ['10.0.0.5:5000', 'http://10.0.0.5:5001/token', 'plain http'],
    ['registry.corp', 'https://10.0.0.7/token', 'this machine or network'],
    ['169.254.1.1', 'https://169.254.169.254/token', 'this machine or network'],
    ['localhost:5000', 'http://10.0.0.1/token', 'plain http on another machine'],
    ['127.0.0.1:5000', 'http://169.254.169.254/latest/meta-data', 'this machine or network'],
    ['[::1]:5000', 'http://[fd00::1]/token', 'plain http on another machine'],
    ['localhost:5000', 'http://auth.example.com/token', 'plain http on another machine'],
    ['localhost:5000', 'http://reg.lan:5001/token', 'plain http on another machine'],
    ['ghcr.io', 'https://me:secret@ghcr.io/token', 'user or password'],
    ['ghcr.io', 'ftp://ghcr.io/token', 'not an http or https URL'],
    ['ghcr.io', 'file:///etc/passwd', 'not an http or https URL'],
  ];
  const insecure = ['reg.lan:5000', '10.0.0.9:5001', '10.0.0.8:5000'];
  const from = (host: string) => endpointOf(parseRepository(`${host}/app/web`), insecure);

  test.each(allowed)('%s may redirect to %s', (host, url) => {
    expect(() => requireReachable(new URL(url), from(host), insecure, 'a token')).not.toThrow();
  });
  test.each(refused)('%s must not redirect to %s', (host, url, why) => {
    const act = () => requireReachable(new URL(url), from(host), insecure, 'a token');
    expect(act).toThrow(why);
    expect(act).not.toThrow('secret@');
  });

  test.each([
    ['ghcr.io/a/b', 'https://ghcr.io', 'a/b'],
    ['localhost:5000/a', 'http://localhost:5000', 'a'],
    ['a.localhost/b', 'http://a.localhost', 'b'],
    ['127.0.0.1:5000/a', 'http://127.0.0.1:5000', 'a'],
    ['[::1]:5000/a', 'http://[::1]:5000', 'a'],
    ['10.0.0.5:5000/a', 'https://10.0.0.5:5000', 'a'],
    ['reg.lan:5000/a', 'http://reg.lan:5000', 'a'],
    ['reg.lan/a', 'https://reg.lan', 'a'],
    ['docker.io/nginx', 'https://index.docker.io', 'library/nginx'],
    ['docker.io/grafana/loki', 'https://index.docker.io', 'grafana/loki'],
  ])('the API of %s is at %s', (repository, origin, name) => {
    expect(endpointOf(parseRepository(repository), insecure)).toMatchObject({ origin, name });
  });
});

test('an invalid insecure host is refused when the client is created', () => {
  for (const host of ['http://reg.lan', 'reg.lan/x', '', 'REG', 'a b'])
    expect(() => createRegistry({ insecureHosts: [host] })).toThrow('expected host or host:port');
});
