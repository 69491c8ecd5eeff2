import dns from 'node:dns';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { startHttpProxy } from '../../testbed/http-proxy.js';
import { startTlsFront } from '../../testbed/tls-front.js';
import { newSha } from '../support/shas.js';
import { ONE, SHORT, TOKEN } from '../support/smoke.js';

// How a tenant is reached: by its own authority, certificate and proxy, and past what stands before it.
const ca = makeCertificate('Tenant Authority');
const { cert, key } = makeCertificate('a tenant', ca, ['127.0.0.1', 'tenant.example.com', 'localhost']);
const worker = makeCertificate('a worker', ca);
const SHA = newSha();
const LOGIN = 'gate:p@ss word';

let seen: IncomingMessage['headers'][] = [];
let server: Server;
let plain: string;
let folder: string;
beforeAll(async () => {
  server = createServer(({ headers, url }, response) => {
    seen.push(headers);
    response.setHeader('content-type', 'application/json');
    if (url === '/moved') response.writeHead(302, { location: 'https://login.example.com/sso?next=x' });
    response.end(JSON.stringify({ ok: true, sha: SHA }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  plain = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'canary-ways-'));
  for (const [name, text] of Object.entries({ ca: ca.cert, cert: worker.cert, key: worker.key, login: `${LOGIN}\n` }))
    writeFileSync(join(folder, name), text);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  seen = [];
});
const secured = async (options: object = {}, address?: string) => {
  const front = await startTlsFront(plain, { cert, key, ...options }, address);
  onTestFinished(front.stop);
  return front;
};
/** Reads a fleet of one tenant, smokes it, and asks it for its build. */
const reach = async (entry: object, env: Record<string, string> = {}, buildProbe = '/health#sha') => {
  const file = join(folder, 'fleet.json');
  writeFileSync(file, JSON.stringify({ tenants: [{ token: { env: 'TOKEN' }, ...entry }] }));
  const all = {
    CANARY_IMAGES: 'ghcr.io/acme/platform',
    CANARY_FLEET_FILE: file,
    TOKEN,
    CANARY_BUILD_PROBE: buildProbe,
  };
  const config = await loadConfig({ ...all, ...env });
  const fleet = await config.fleet?.read();
  const tenant = fleet?.tenants[0];
  const access = tenant && fleet?.access.get(tenant.origin);
  if (!tenant || !access) throw new Error('no tenant');
  const { checks } = await smokeTenant(tenant, access, {
    suite: ONE,
    waits: { ...SHORT, requestMs: 2_000, retryBudgetMs: 60_000 },
  });
  const [build] = await askBuilds([tenant], config.buildProbe, fleet.access);
  return { check: checks[0], build };
};
const OWN_CA = { tls: { ca: { file: 'ca' } } };
const PASSED = { check: { verdict: 'pass' }, build: { build: SHA } };

describe('a tenant is reached', () => {
  test('by its own authority', async () => {
    const { host } = await secured();
    expect(await reach({ url: `https://${host}`, ...OWN_CA })).toMatchObject(PASSED);
  });

  test('with its client certificate', async () => {
    const { host } = await secured({ ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const tls = { ca: { file: 'ca' }, cert: { file: 'cert' }, key: { file: 'key' } };
    expect(await reach({ url: `https://${host}`, tls })).toMatchObject(PASSED);
    const { check, build } = await reach({ url: `https://${host}`, ...OWN_CA });
    expect(check).toMatchObject({
      verdict: 'could-not-test',
      got: expect.stringContaining('wants a client certificate'),
    });
    expect(build?.detail).toContain('wants a client certificate');
  });

  test('by the proxy of the environment, by its own, and by none', async () => {
    const { host } = await secured();
    const proxy = await startHttpProxy({ login: LOGIN, knows: { 'tenant.example.com:443': host } });
    onTestFinished(proxy.stop);
    const address = `http://${encodeURIComponent('gate')}:${encodeURIComponent('p@ss word')}@${proxy.host}`;
    const url = 'https://tenant.example.com';
    expect(await reach({ url, ...OWN_CA }, { HTTPS_PROXY: address })).toMatchObject(PASSED);
    expect(
      await reach({ url, ...OWN_CA, proxy: { env: 'OWN' } }, { OWN: address, HTTPS_PROXY: 'http://127.0.0.1:1' }),
    ).toMatchObject(PASSED);
    expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT tenant.example.com:443']));
    const own = { url: `https://${host}`, ...OWN_CA };
    expect(await reach({ ...own, proxy: 'none' }, { HTTPS_PROXY: 'http://127.0.0.1:1' })).toMatchObject(PASSED);
  });

  test('by an address of IPv6', async () => {
    const { port } = await secured({}, '::1');
    const { check } = await reach({ url: `https://[::1]:${port}`, ...OWN_CA });
    // The certificates of the tests name no address of IPv6: that the server showed one is enough.
    expect(check?.got).toContain('its certificate is for 127.0.0.1, tenant.example.com, localhost, not for [::1]');
  });

  test('past a gateway with a login of its own: the token goes in another header', async () => {
    const { host } = await secured();
    const entry = { url: `https://${host}`, ...OWN_CA, basicAuth: { file: 'login' }, tokenHeader: 'X-Admin-Token' };
    expect(await reach(entry)).toMatchObject(PASSED);
    const authorization = `Basic ${Buffer.from(LOGIN).toString('base64')}`;
    expect(seen.map((headers) => [headers.authorization, headers['x-admin-token']])).toEqual([
      [authorization, TOKEN],
      [authorization, undefined],
    ]);
  });
});

describe('what keeps a tenant from being reached is told at once, and is no verdict', () => {
  /** A resolver that knows no name: this machine may have none at all, which is another error. */
  const nothingFound = () => {
    const real = dns.lookup;
    const lookup = (...args: unknown[]) =>
      (args.at(-1) as (error: Error) => void)(Object.assign(new Error('no name'), { code: 'ENOTFOUND' }));
    dns.lookup = lookup as unknown as typeof real;
    onTestFinished(() => {
      dns.lookup = real;
    });
    return { url: 'https://no-such-host.example' };
  };
  test.each<[string, () => Promise<object>, string]>([
    ['a name that is not there', async () => nothingFound(), 'ENOTFOUND'],
    [
      'a certificate of a stranger',
      async () => ({ url: `https://${(await secured()).host}` }),
      'is of an unknown authority (Tenant Authority) (add its authority',
    ],
    ['plain http where https is expected', async () => ({ url: `https://${plain}` }), 'ERR_SSL_'],
  ])('%s', async (_what, entry, says) => {
    const began = performance.now();
    const { check, build } = await reach(await entry());
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(check).toMatchObject({ verdict: 'could-not-test', got: expect.stringContaining(says) });
    expect(check).not.toHaveProperty('tries');
    expect(build?.build).toBeNull();
  });

  test('a login to which the build probe is sent: it is named, without its query, in what is not for the public', async () => {
    const { host } = await secured();
    const { build } = await reach({ url: `https://${host}`, ...OWN_CA }, {}, '/moved#sha');
    expect(build).toMatchObject({
      why: '/moved: status 302, a redirect',
      detail: '/moved: it redirects to https://login.example.com/sso',
    });
  });
});

describe('a fleet file', () => {
  test.each<[string, object, string]>([
    [
      'has a login beside a token in the same header',
      { basicAuth: { file: 'login' } },
      'basicAuth takes the header Authorization',
    ],
    [
      'has a login that is none',
      { basicAuth: { env: 'TOKEN' }, tokenHeader: 'X-T' },
      'basicAuth (TOKEN) is not user:password',
    ],
    [
      'has a token header that the gate sets',
      { tokenHeader: 'Cookie' },
      'tokenHeader: "Cookie" is invalid, or set by the gate',
    ],
    [
      'has a certificate without its key',
      { tls: { cert: { file: 'cert' } } },
      'tls: a client certificate needs its key',
    ],
    [
      'has a key of another certificate',
      { tls: { cert: { file: 'ca' }, key: { file: 'key' } } },
      'tls cannot be used: ',
    ],
    ['has an authority that is no PEM', { tls: { ca: { file: 'login' } } }, 'tls.ca (login) is not PEM'],
    [
      'has the login of a proxy in it',
      { proxy: 'http://gate:hunter2@proxy:3128' },
      'proxy has a login: a fleet file contains no secret',
    ],
    ['has a proxy that is none', { proxy: 'ftp://proxy' }, 'proxy: proxies of scheme ftp are not supported'],
    ['has another word in tls', { tls: { verify: false } }, 'has "verify", which is not known'],
  ])('that %s is refused', async (_what, entry, says) => {
    const error = (await reach({ url: 'https://a.example', ...entry }).catch((why: unknown) => why)) as Error;
    expect(error.message).toContain(says);
    expect(error.message).not.toMatch(/hunter2|p@ss/);
  });
});
