import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LATEST, parseRepository, type Tag } from '../../src/contract/image.js';
import { networkOf } from '../../src/net/network.js';
import { configuredRegistry } from '../../src/registry/configured-registry.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { pushImage } from '../../src/registry/push-image.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { type HttpProxy, startHttpProxy } from '../../testbed/http-proxy.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTlsFront, type TlsFront } from '../../testbed/tls-front.js';
import { startTokenServer } from '../../testbed/token-server.js';
import { at, errorOf, publish, WRITER } from './support.js';

// The rig of a company: TLS of a private authority before the registry and its token server, which only a proxy knows.
const ca = makeCertificate('Private Authority');
const of = (hosts: string[], issuer = ca) => {
  const { cert, key } = makeCertificate('a server', issuer, hosts);
  return { cert, key };
};
let registry: MemoryRegistry;
let tag: Tag;
let home: string;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  tag = (await publish(registry.host, ['acme/app']))[0]?.tag as Tag;
  home = mkdtempSync(join(tmpdir(), 'canary-networks-'));
  writeFileSync(join(home, 'ca.pem'), ca.cert);
});
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
  rmSync(home, { recursive: true });
});
const front = async (behind: string, options: object): Promise<TlsFront> => {
  const started = await startTlsFront(behind, options);
  onTestFinished(started.stop);
  return started;
};
const proxyTo = async (knows: Record<string, string>): Promise<HttpProxy> => {
  const proxy = await startHttpProxy({ knows });
  onTestFinished(proxy.stop);
  return proxy;
};
const clientOf = (env: Record<string, string>, insecureRegistries: string[] = []) => {
  const all = { HOME: home, PATH: '', ...env };
  const client = configuredRegistry({ secrets: { github: null }, network: networkOf(all), insecureRegistries }, all);
  onTestFinished(() => client.close());
  return client;
};
/** Moves `:latest` as a mover does. */
const move = async (client: ReturnType<typeof clientOf>, host: string) => {
  const repository = at(host, 'acme/app');
  const manifest = await getManifest(client, repository, tag);
  await requireChildren(client, manifest);
  await putTag(client, manifest, LATEST);
  expect(await readTag(client, repository, LATEST)).toBe(manifest.digest);
};

test('registry and token server behind TLS of a private authority and a proxy: an image is moved', async () => {
  const tokens = await startTokenServer({ users: [WRITER] });
  tokens.behavior.opaque = true;
  onTestFinished(tokens.stop);
  const realm = 'https://auth.example.com/token';
  const heal = registry.faults.add({
    match: () => true,
    respond: (request, serve) => {
      const refused = tokens.refuse(request);
      if (!refused) return serve();
      const challenge = refused.headers['www-authenticate']?.replace(tokens.realm, realm) ?? '';
      return { ...refused, headers: { ...refused.headers, 'www-authenticate': challenge } };
    },
  });
  onTestFinished(heal);
  const [one, two] = await Promise.all([
    front(registry.host, of(['registry.example.com'])),
    front(new URL(tokens.realm).host.replace('localhost', '127.0.0.1'), of(['auth.example.com'])),
  ]);
  const proxy = await proxyTo({ 'registry.example.com:443': one.host, 'auth.example.com:443': two.host });
  const login = Buffer.from(`${WRITER.name}:${WRITER.password}`).toString('base64');
  const client = clientOf({
    HTTPS_PROXY: `http://${proxy.host}`,
    SSL_CERT_FILE: join(home, 'ca.pem'),
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'registry.example.com': { auth: login } } }),
  });
  await move(client, 'registry.example.com');
  expect(new Set(proxy.requests)).toEqual(
    new Set(['CONNECT registry.example.com:443', 'CONNECT auth.example.com:443']),
  );
});

test('a registry behind TLS that names itself by http is asked by https', async () => {
  const origin = 'http://registry.example.com';
  const heal = registry.faults.add({
    match: ({ query }) => !query.has('here'),
    respond: ({ method, path }, serve) => {
      if (method === 'GET') return { status: 307, headers: { location: `${origin}${path}?here=1` } };
      const answer = serve();
      const { location } = answer.headers;
      return location
        ? { ...answer, headers: { ...answer.headers, location: new URL(location, origin).href } }
        : answer;
    },
  });
  onTestFinished(heal);
  const proxy = await proxyTo({
    'registry.example.com:443': (await front(registry.host, of(['registry.example.com']))).host,
  });
  const client = clientOf({ HTTPS_PROXY: `http://${proxy.host}`, SSL_CERT_FILE: join(home, 'ca.pem') });
  await move(client, 'registry.example.com');
  const image = { form: 'oci', config: Buffer.from('{}'), layer: Buffer.from('layer') } as const;
  await pushImage(client, parseRepository('registry.example.com/acme/pushed'), 'copy' as Tag, image);
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT registry.example.com:443']));
});

test('a registry that requires a client certificate gets that of certs.d, also behind a proxy', async () => {
  const mutual = { ...of(['registry.example.com']), ca: ca.cert, requestCert: true, rejectUnauthorized: true };
  const proxy = await proxyTo({ 'registry.example.com:5000': (await front(registry.host, mutual)).host });
  const certs = join(home, '.config/docker/certs.d/registry.example.com:5000');
  mkdirSync(certs, { recursive: true });
  const worker = makeCertificate('a worker', ca);
  writeFileSync(join(certs, 'ca.crt'), ca.cert);
  writeFileSync(join(certs, 'client.cert'), worker.cert);
  writeFileSync(join(certs, 'client.key'), worker.key);
  await move(clientOf({ https_proxy: proxy.host }), 'registry.example.com:5000');
});

describe('a registry on this machine', () => {
  test('is asked by https first, whatever its certificate, and by http if it speaks none', async () => {
    const { host } = await front(registry.host, of(['other.example.com'], makeCertificate('a stranger')));
    await move(clientOf({}), host);
    const before = registry.requests.length;
    await move(clientOf({}), registry.host);
    // The first question was by TLS, which plain http does not take for a request.
    expect(registry.requests.slice(before).every(({ path }) => path !== '/v2/')).toBe(true);
  });

  test('that changes what it speaks is found again', async () => {
    const first = await front(registry.host, of(['localhost']));
    const client = clientOf({});
    await move(client, first.host);
    await first.stop();
    const again = await startMemoryRegistry();
    onTestFinished(again.stop);
    // No server of tests takes a given port: the scheme that was found is set as if it had been another one.
    client.schemes.set(again.host, 'https');
    const [build] = await publish(again.host, ['acme/app']);
    expect(await readTag(client, at(again.host, 'acme/app'), build?.tag as Tag)).toBe(build?.digest);
  });
});

describe('a registry of CANARY_INSECURE_REGISTRIES', () => {
  test('may speak plain http', async () => {
    const proxy = await proxyTo({ 'plain.internal:5000': registry.host });
    await move(
      clientOf({ HTTPS_PROXY: proxy.host, HTTP_PROXY: proxy.host }, ['plain.internal:5000']),
      'plain.internal:5000',
    );
    expect(proxy.requests[0]).toBe('CONNECT plain.internal:5000');
    expect(proxy.requests).toContainEqual(
      expect.stringMatching(/^PUT http:\/\/plain\.internal:5000\/v2\/acme\/app\/manifests\/latest$/),
    );
  });

  test('may have any certificate; another host may not', async () => {
    const { host } = await front(registry.host, of(['else.example.com'], makeCertificate('a stranger')));
    const proxy = await proxyTo({ 'secure.internal:443': host, 'other.internal:443': host });
    const client = clientOf({ HTTPS_PROXY: proxy.host }, ['secure.internal']);
    await move(client, 'secure.internal');
    const error = await errorOf(readTag(client, at('other.internal', 'acme/app'), LATEST));
    expect(error).toMatchObject({ kind: 'transient', message: expect.stringContaining('is of an unknown authority') });
  });

  test('is what the message names for one that speaks no https', async () => {
    const proxy = await proxyTo({ 'plain.internal:5000': registry.host });
    const client = clientOf({ HTTPS_PROXY: proxy.host, HTTP_PROXY: proxy.host });
    const error = await errorOf(readTag(client, at('plain.internal:5000', 'acme/app'), LATEST));
    expect(error.message).toContain('plain.internal:5000 does not speak https: add it to CANARY_INSECURE_REGISTRIES');
    expect(proxy.requests.every((request) => request.startsWith('CONNECT'))).toBe(true);
  });
});
