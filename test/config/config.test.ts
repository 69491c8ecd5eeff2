import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';

test('an empty environment is a gate with the default images, a soak of six minutes and no fleet', async () => {
  expect(await loadConfig({})).toMatchObject({
    fleet: null,
    productionFleet: null,
    lane: '',
    images: ['ghcr.io/molecule-ai/platform', 'ghcr.io/molecule-ai/platform-tenant'],
    soakMs: 360_000,
    smokeSuite: null,
    smokeTimeoutMs: 120_000,
    buildProbe: [
      { path: '/health', field: 'sha' },
      { path: '/buildinfo', field: 'git_sha' },
    ],
  });
});

test.each([
  'https://a.example,https://b.example',
  'https://a.example https://b.example',
  ' https://a.example\n\nhttps://b.example\n',
])('tenants are read from %j and paired with their tokens by position', async (urls) => {
  const config = await loadConfig({ CANARY_TENANT_URLS: urls, CANARY_ADMIN_TOKENS: 'one\ntwo' });
  const fleet = await config.fleet?.read();
  expect(fleet?.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'canary-2', origin: 'https://b.example' },
  ]);
  expect(fleet?.access.get('https://b.example')).toEqual({ token: 'two', headers: {} });
});

test('a secret is read from its file', async () => {
  const config = await loadConfig(
    { CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: '/run/t' },
    () => 'from-file\n',
  );
  expect((await config.fleet?.read())?.access.get('https://a.example')?.token).toBe('from-file');
});

test('a build probe of none asks nothing', async () => {
  expect((await loadConfig({ CANARY_BUILD_PROBE: 'none' })).buildProbe).toEqual([]);
});

describe('planRelease', () => {
  test('input can only lengthen the soak', async () => {
    const config = await loadConfig({ CANARY_SOAK: '6m' });
    expect((await planRelease(config, { soak: '10m' })).soakMs).toBe(600_000);
    await expect(planRelease(config, { soak: '1m' })).rejects.toThrow(
      'soak 1m is shorter than the configured 6m: that needs force and a reason',
    );
  });
  test('a forced release requires an approval', async () => {
    expect(await planRelease(await loadConfig({}), { force: true })).toMatchObject({ approval: 'required' });
    expect(await planRelease(await loadConfig({}), {})).toMatchObject({ approval: 'auto' });
  });
  test('the soak is never shorter than one update cycle', async () => {
    expect((await planRelease(await loadConfig({ CANARY_SOAK: '1m' }), {})).soakMs).toBe(300_000);
  });
  test('a plan contains no secret', async () => {
    const plan = await planRelease(
      await loadConfig({
        CANARY_TENANT_URLS: 'https://a.example',
        CANARY_ADMIN_TOKENS: 'the-secret',
        GITHUB_TOKEN: 'ghp',
      }),
      {},
    );
    expect(JSON.stringify(plan)).not.toMatch(/the-secret|ghp/);
  });
});
