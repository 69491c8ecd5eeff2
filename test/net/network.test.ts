import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { NoAnswer, send } from '../../src/net/http.js';
import { networkOf } from '../../src/net/network.js';
import { certsOf } from '../../src/net/trust.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { type HttpProxyOptions, startHttpProxy } from '../../testbed/http-proxy.js';
import { startTlsFront } from '../../testbed/tls-front.js';

const DAYS = 86_400_000;
const ca = makeCertificate('Private Authority');
const strangers = makeCertificate('Strange Authority');
const certificate = (hosts = ['127.0.0.1', 'internal.example'], shiftMs = 0, issuer = ca) => {
  const { cert, key } = makeCertificate('the server', issuer, hosts, shiftMs);
  return { cert, key };
};

let server: Server;
let plain: string;
let folder: string;
let caFile: string;
beforeAll(async () => {
  server = createServer((request, response) => response.end(`${request.headers.host}${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  plain = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'canary-net-'));
  caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ca.cert);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});
const secured = async (options: object, address?: string) => {
  const front = await startTlsFront(plain, options, address);
  onTestFinished(front.stop);
  return front;
};
const proxied = async (options: HttpProxyOptions) => {
  const proxy = await startHttpProxy(options);
  onTestFinished(proxy.stop);
  return proxy;
};
const get = async (url: string, env: Record<string, string>, timeoutMs = 3_000) => {
  const network = networkOf(env);
  return send({
    method: 'GET',
    url: new URL(url),
    network,
    tlsFor: ({ host }) => certsOf(env, host),
    timeoutMs,
    maxBytes: 1_000,
  });
};
const textOf = async (url: string, env: Record<string, string>) => (await get(url, env)).body.toString();
const failureOf = async (url: string, env: Record<string, string>, timeoutMs?: number) => {
  const error = await get(url, env, timeoutMs).catch((why: unknown) => why);
  if (!(error instanceof NoAnswer)) throw new Error(`no NoAnswer but ${error}`);
  return error.failure;
};

describe('a proxy', () => {
  test('passes https on by CONNECT, with its login, and plain http by the whole address', async () => {
    const front = await secured(certificate());
    const proxy = await proxied({
      login: 'me:p@ss word',
      knows: { 'internal.example:443': front.host, 'plain.example': plain },
    });
    const address = `http://me:p%40ss%20word@${proxy.host}`;
    const env = { HTTPS_PROXY: address, HTTP_PROXY: address, SSL_CERT_FILE: caFile };
    expect(await textOf('https://internal.example/v2/?a=b', env)).toBe('internal.example/v2/?a=b');
    expect(await textOf('http://plain.example/health?a=b', env)).toBe('plain.example/health?a=b');
    expect(proxy.requests).toEqual(['CONNECT internal.example:443', 'GET http://plain.example/health?a=b']);
  });

  test('that speaks https itself passes on as well', async () => {
    const front = await secured(certificate());
    const proxy = await proxied({ knows: { 'internal.example:443': front.host } });
    const secure = await startTlsFront(proxy.host, certificate(['127.0.0.1']));
    onTestFinished(secure.stop);
    const env = { HTTPS_PROXY: `https://${secure.host}`, SSL_CERT_FILE: caFile };
    expect(await textOf('https://internal.example/', env)).toBe('internal.example/');
  });

  test('is not asked for what NO_PROXY names', async () => {
    const proxy = await proxied({});
    const env = { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: 'plain.invalid' };
    expect(await failureOf('http://plain.invalid/', env)).toMatchObject({
      code: expect.stringMatching(/^(?:ENOTFOUND|EAI_AGAIN)$/),
      what: expect.stringContaining(', directly, as NO_PROXY and the scheme say'),
    });
    expect(proxy.requests).toEqual([]);
  });

  test.each<[string, HttpProxyOptions, string]>([
    ['wants a login', { login: 'me:secret' }, 'answers 407 (put user and password of the proxy into HTTPS_PROXY'],
    ['allows no such host', { refuses: 403 }, 'answers 403 (does the proxy allow this host?'],
    ['does not reach the host', {}, 'answers 502 (does the proxy allow this host?'],
  ])('that %s is named, without its login', async (_what, options, says) => {
    const proxy = await proxied(options);
    const { code, what, fix } = await failureOf('https://internal.invalid/', {
      HTTPS_PROXY: `http://you:wrong-secret@${proxy.host}`,
    });
    expect(code).toBe('proxy');
    expect(`${what} (${fix})`).toContain(`the proxy ${proxy.host} (HTTPS_PROXY) ${says}`);
    expect(`${what} ${fix}`).not.toContain('wrong-secret');
  });

  test('that wants a login for plain http is named as well', async () => {
    const proxy = await proxied({ login: 'me:secret' });
    expect((await failureOf('http://plain.invalid/', { http_proxy: proxy.host })).what).toContain(
      `the proxy ${proxy.host} (http_proxy) answers 407`,
    );
  });

  test('that is not there, or does not answer, is named', async () => {
    const env = { HTTPS_PROXY: 'http://127.0.0.1:1' };
    expect(await failureOf('https://internal.example/', env)).toEqual({
      code: 'ECONNREFUSED',
      what: 'ECONNREFUSED, through the proxy 127.0.0.1:1 (HTTPS_PROXY)',
      fix: 'check HTTPS_PROXY: is 127.0.0.1:1 a proxy that runs?',
    });
    const silent = net.createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const failure = await failureOf('https://internal.example/', { HTTPS_PROXY: `127.0.0.1:${port}` }, 300);
    silent.close();
    expect(failure.what).toBe(`timeout, through the proxy 127.0.0.1:${port} (HTTPS_PROXY)`);
  });
});

test('the logins of proxies are secrets, in each form in which they are sent', () => {
  const { secrets } = networkOf({ HTTPS_PROXY: 'http://me:p%40ss@proxy:1', http_proxy: 'http://you:other@proxy:1' });
  const sent = (login: string) => Buffer.from(login).toString('base64');
  expect(secrets).toEqual([sent('me:p@ss'), 'p@ss', sent('you:other'), 'other']);
});

describe('an authority', () => {
  test('of SSL_CERT_FILE is trusted, and one in a folder of SSL_CERT_DIR', async () => {
    const { host } = await secured(certificate());
    const certs = join(folder, 'certs');
    mkdirSync(certs);
    writeFileSync(join(certs, 'README'), 'no certificate');
    writeFileSync(join(certs, '1234.0'), ca.cert);
    expect(await textOf(`https://${host}/a`, { SSL_CERT_FILE: caFile })).toBe(`${host}/a`);
    expect(await textOf(`https://${host}/b`, { SSL_CERT_DIR: `/no/such/folder:${certs}` })).toBe(`${host}/b`);
    expect(networkOf({ SSL_CERT_FILE: '/no/such/file' }).authorities().problems).toEqual([
      'SSL_CERT_FILE: ENOENT: /no/such/file',
    ]);
  });

  test('of certs.d is trusted for its host alone', async () => {
    const [one, other] = [await secured(certificate()), await secured(certificate())];
    const certs = join(folder, 'home/.config/containers/certs.d', one.host);
    mkdirSync(certs, { recursive: true });
    writeFileSync(join(certs, 'ca.crt'), ca.cert);
    const env = { HOME: join(folder, 'home') };
    expect(await textOf(`https://${one.host}/`, env)).toBe(`${one.host}/`);
    expect((await failureOf(`https://${other.host}/`, env)).what).toContain('unknown authority');
  });
});

describe('a client certificate of certs.d', () => {
  test('is shown to its host, also after it was renewed; a missing one is told, and one without its key', async () => {
    const mutual = { ...certificate(), ca: ca.cert, requestCert: true, rejectUnauthorized: true };
    const { host } = await secured(mutual);
    const env = { HOME: join(folder, 'client'), SSL_CERT_FILE: caFile };
    const failure = await failureOf(`https://${host}/`, env);
    expect(`${failure.what} (${failure.fix})`).toMatch(
      /: it wants a client certificate that it accepts \(docs\/networks\.md/,
    );
    const certs = join(folder, 'client/.config/containers/certs.d', host);
    mkdirSync(certs, { recursive: true });
    const write = (name: string, issuer = ca) => {
      const { cert, key } = makeCertificate(name, issuer);
      writeFileSync(join(certs, 'client.cert'), cert);
      writeFileSync(join(certs, 'client.key'), key);
    };
    write('a stranger', strangers);
    expect((await failureOf(`https://${host}/`, env)).what).toContain('it wants a client certificate that it accepts');
    write('a worker');
    expect(await textOf(`https://${host}/`, env)).toBe(`${host}/`);
    rmSync(join(certs, 'client.key'));
    expect((await failureOf(`https://${host}/`, env)).what).toContain(
      'client.cert has no key beside it: expected client.key',
    );
  });
});

describe('a certificate that is refused', () => {
  const day = (ms: number) => new Date(Date.now() + ms).toISOString().slice(0, 10);
  test.each<[string, () => object, RegExp]>([
    [
      'because it expired',
      () => certificate(undefined, -3 * DAYS),
      new RegExp(`its certificate expired on ${day(-2 * DAYS)} .* UTC \\(renew it on the server`),
    ],
    [
      'because it is not valid yet',
      () => certificate(undefined, 3 * DAYS),
      new RegExp(
        `its certificate is not valid before ${day(3 * DAYS - 3_600_000)} .*is the clock of this machine right\\? it shows ${day(0)}`,
      ),
    ],
    [
      'because it is for other names',
      () => certificate(['other.example.com', '10.1.2.3']),
      /its certificate is for other\.example\.com, 10\.1\.2\.3, not for 127\.0\.0\.1 \(use a name/,
    ],
    [
      'because its authority is unknown',
      () => certificate(undefined, 0, strangers),
      /is of an unknown authority \(Strange Authority\) \(add its authority: SSL_CERT_FILE/,
    ],
  ])('%s says so, with the date or the name', async (_what, options, says) => {
    const { host } = await secured(options());
    const failure = await failureOf(`https://${host}/`, { SSL_CERT_FILE: caFile });
    expect(`${failure.what} (${failure.fix})`).toMatch(says);
  });

  test('behind a proxy says so as well', async () => {
    const front = await secured(certificate(undefined, -3 * DAYS));
    const proxy = await proxied({ knows: { 'internal.example:443': front.host } });
    const env = { HTTPS_PROXY: proxy.host, SSL_CERT_FILE: caFile };
    expect((await failureOf('https://internal.example/', env)).what).toContain(
      `its certificate expired on ${day(-2 * DAYS)}`,
    );
  });
});

test('each address of a host is tried for two seconds: Node gives it a quarter', async () => {
  const connect = vi.spyOn(net, 'connect');
  await textOf(`http://${plain}/`, {});
  const limits = connect.mock.calls.map(
    ([options]) => (options as { autoSelectFamilyAttemptTimeout?: number }).autoSelectFamilyAttemptTimeout,
  );
  connect.mockRestore();
  expect(limits).toEqual([2_000]);
});

test('an address of IPv6 is reached by TLS', async () => {
  const { host } = await secured(certificate(['localhost']), '::1');
  expect((await failureOf(`https://${host}/`, { SSL_CERT_FILE: caFile })).what).toContain(
    'is for localhost, not for [::1]',
  );
});
