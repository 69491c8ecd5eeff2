import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configHash, differingSettings, hashIn, identityOf, shortIdentity } from '../../src/config/hash.js';
import { loadConfig } from '../../src/config/load.js';
import { versionIn } from '../../src/temporal/version.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-hash-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const fleet = (origin: string) =>
  JSON.stringify({ tenants: [{ name: 'eu', url: origin, token: { env: 'EU_TOKEN' } }] });

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform,ghcr.io/acme/platform-tenant' };
const BASE = { ...IMAGES, CANARY_TENANT_URLS: 'https://canary-1.example.com', CANARY_ADMIN_TOKENS: 'a-token' };
const hash = async (env: Record<string, string>) => configHash(await loadConfig(env));

test.each<[string, Record<string, string>]>([
  ['an admin token', { CANARY_ADMIN_TOKENS: 'another-token' }],
  ['a registry token', { GITHUB_TOKEN: 'ghp_something' }],
  ['how a value is written', { CANARY_SOAK: '360s' }],
  ['the address of a host', { CANARY_HTTP_ADDR: '0.0.0.0:9465' }],
  ['a link', { CANARY_UI_URL: 'https://temporal.example.com' }],
])('%s does not change the hash', async (_, env) => {
  expect(await hash({ ...BASE, ...env })).toBe(await hash(BASE));
});

test.each<[string, Record<string, string>]>([
  ['a tenant', { CANARY_TENANT_URLS: 'https://canary-2.example.com' }],
  ['the soak', { CANARY_SOAK: '7m' }],
  ['an image', { CANARY_IMAGES: 'ghcr.io/acme/platform' }],
  ['a suite', { CANARY_SMOKE_SUITE: file('a.ts', 'export default []') }],
])('%s changes the hash', async (_, env) => {
  expect(await hash({ ...BASE, ...env })).not.toBe(await hash(BASE));
});

test('two hashes tell which settings differ, and no value of one', async () => {
  const one = await hash(BASE);
  const other = await hash({
    ...BASE,
    CANARY_SOAK: '7m',
    CANARY_ADMIN_TOKENS: 'another-token',
    CANARY_TENANT_URLS: 'https://canary-2.example.com',
    CANARY_HTTP_ADDR: '0.0.0.0:9465',
  });
  expect(differingSettings(one, other)).toEqual(['CANARY_TENANT_URLS', 'CANARY_SOAK']);
  expect(differingSettings(one, one)).toEqual([]);
  expect(other).toMatch(/^[0-9a-f]{8}\.[\w-]{10,60}$/);
});

test('a hash of another version names no setting', async () => {
  const one = await hash(BASE);
  expect(differingSettings(one, `${one}x`)).toEqual([]);
  expect(differingSettings(one, '1a2b3c4d')).toEqual([]);
});

test('a suite counts by its content, not by its path', async () => {
  const of = (name: string, content: string) => hash({ ...BASE, CANARY_SMOKE_SUITE: file(name, content) });
  expect(await of('b.ts', 'export default []')).toBe(await of('c.ts', 'export default []'));
  expect(await of('b.ts', 'export default [1]')).not.toBe(await of('c.ts', 'export default []'));
});

test('tenants of a fleet file do not count: they are read again for each release', async () => {
  const of = (origin: string) =>
    hash({ ...IMAGES, CANARY_FLEET_FILE: file('fleet.json', fleet(origin)), EU_TOKEN: 'x' });
  expect(await of('https://a.example.com')).toBe(await of('https://b.example.com'));
});

test('a worker has its version, and the hash at the end, in its identity', async () => {
  expect(hashIn(identityOf('0.1.0+9f8e7d6c', await hash(BASE)))).toBe(await hash(BASE));
  expect(versionIn(identityOf('0.1.0+9f8e7d6c', await hash(BASE)))).toBe('0.1.0+9f8e7d6c');
  expect(hashIn('4711@some-host')).toBeNull();
  expect(versionIn('4711@some-host')).toBeNull();
  expect(shortIdentity(identityOf('0.1.0+9f8e7d6c', await hash(BASE)))).toMatch(
    /^\d+@.+\/0\.1\.0\+9f8e7d6c#[0-9a-f]{8}$/,
  );
  expect(shortIdentity('4711@some-host')).toBe('4711@some-host');
});
