import { describe, expect, test } from 'vitest';
import { loadConfig, planRelease } from '../../src/config/config.js';

test('nothing set is a gate with the default images, a soak of six minutes and no fleet', () => {
  expect(loadConfig({}).readFleet().tenants).toEqual([]);
  expect(loadConfig({})).toMatchObject({
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
])('tenants are read from %j and paired with their tokens by position', (urls) => {
  const fleet = loadConfig({ CANARY_TENANT_URLS: urls, CANARY_ADMIN_TOKENS: 'one\ntwo' }).readFleet();
  expect(fleet.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'canary-2', origin: 'https://b.example' },
  ]);
  expect(fleet.access.get('https://b.example')).toEqual({ token: 'two', headers: {} });
});

test('a secret is read from its file', () => {
  const config = loadConfig(
    { CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: '/run/t' },
    () => 'from-file\n',
  );
  expect(config.readFleet().access.get('https://a.example')?.token).toBe('from-file');
});

test('a build probe of none is one that asks nothing', () => {
  expect(loadConfig({ CANARY_BUILD_PROBE: 'none' }).buildProbe).toEqual([]);
});

describe('the plan of a release', () => {
  test('input only lengthens the soak', () => {
    const config = loadConfig({ CANARY_SOAK: '6m' });
    expect(planRelease(config, { soak: '10m' }).soakMs).toBe(600_000);
    expect(() => planRelease(config, { soak: '1m' })).toThrow(
      'soak 1m is shorter than the configured 6m: that needs force and a reason',
    );
  });
  test('what is forced needs an approval, whatever it is forced past', () => {
    expect(planRelease(loadConfig({}), { force: true })).toMatchObject({ approval: 'required' });
    expect(planRelease(loadConfig({}), {})).toMatchObject({ approval: 'auto' });
  });
  test('the soak is never shorter than one auto-update cycle', () => {
    expect(planRelease(loadConfig({ CANARY_SOAK: '1m' }), {}).soakMs).toBe(300_000);
  });
  test('no secret is in it', () => {
    const plan = planRelease(
      loadConfig({ CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS: 'the-secret', GITHUB_TOKEN: 'ghp' }),
      {},
    );
    expect(JSON.stringify(plan)).not.toMatch(/the-secret|ghp/);
  });
});
