import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform,ghcr.io/acme/platform-tenant' };

test('an environment of images alone is a gate with a soak of six minutes and no fleet', async () => {
  expect(await loadConfig(IMAGES)).toMatchObject({
    fleet: null,
    productionFleet: null,
    lane: '',
    images: ['ghcr.io/acme/platform', 'ghcr.io/acme/platform-tenant'],
    soakMs: 360_000,
    smokeSuite: null,
    smokeTimeoutMs: 120_000,
    buildProbe: [
      { path: '/health', field: 'sha' },
      { path: '/buildinfo', field: 'git_sha' },
    ],
  });
});

test('an image that ends in #optional may be left out of a build, by the plan of each release', async () => {
  const config = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/app,docker.io/acme/worker#optional' });
  expect(config).toMatchObject({
    images: ['ghcr.io/acme/app', 'docker.io/acme/worker'],
    optionalImages: ['docker.io/acme/worker'],
  });
  expect((await planRelease(config, {})).optional).toEqual(['docker.io/acme/worker']);
});

test.each([
  'https://a.example,https://b.example',
  'https://a.example https://b.example',
  ' https://a.example\n\nhttps://b.example\n',
])('tenants are read from %j and paired with their tokens by position', async (urls) => {
  const config = await loadConfig({ ...IMAGES, CANARY_TENANT_URLS: urls, CANARY_ADMIN_TOKENS: 'one\ntwo' });
  const fleet = await config.fleet?.read();
  expect(fleet?.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'canary-2', origin: 'https://b.example' },
  ]);
  expect(fleet?.access.get('https://b.example')).toMatchObject({ token: 'two', headers: {} });
});

test('a secret is read from its file', async () => {
  const config = await loadConfig(
    { ...IMAGES, CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: '/run/t' },
    () => 'from-file\n',
  );
  expect((await config.fleet?.read())?.access.get('https://a.example')?.token).toBe('from-file');
});

test('a build probe of none asks nothing', async () => {
  expect((await loadConfig({ ...IMAGES, CANARY_BUILD_PROBE: 'none' })).buildProbe).toEqual([]);
});

describe('planRelease', () => {
  test('input can only lengthen the soak', async () => {
    const config = await loadConfig({ ...IMAGES, CANARY_SOAK: '6m' });
    expect((await planRelease(config, { soak: '10m' })).soakMs).toBe(600_000);
    await expect(planRelease(config, { soak: '1m' })).rejects.toThrow(
      'soak 1m is shorter than the configured 6m: that needs force and a reason',
    );
  });
  test('a forced release requires an approval', async () => {
    expect(await planRelease(await loadConfig(IMAGES), { force: true })).toMatchObject({ approval: 'required' });
    expect(await planRelease(await loadConfig(IMAGES), {})).toMatchObject({ approval: 'auto' });
  });
  test('the soak is never shorter than one update cycle', async () => {
    expect((await planRelease(await loadConfig({ ...IMAGES, CANARY_SOAK: '1m' }), {})).soakMs).toBe(300_000);
  });
  test('a plan contains no secret', async () => {
    const plan = await planRelease(
      await loadConfig({
        ...IMAGES,
        CANARY_TENANT_URLS: 'https://a.example',
        CANARY_ADMIN_TOKENS: 'the-secret',
        GITHUB_TOKEN: 'ghp',
      }),
      {},
    );
    expect(JSON.stringify(plan)).not.toMatch(/the-secret|ghp/);
  });
});

describe('unsafe durations', () => {
  const trial = { ...IMAGES, CANARY_SOAK: '0', CANARY_UPDATE_CYCLE: '0', CANARY_HOLD_TIMEOUT: '1ms' };

  test('are accepted with CANARY_UNSAFE=true, and only with it', async () => {
    expect(await loadConfig({ ...trial, CANARY_UNSAFE: 'true' })).toMatchObject({ soakMs: 0, unsafe: true });
    for (const value of ['false', ''])
      await expect(loadConfig({ ...trial, CANARY_UNSAFE: value })).rejects.toThrow(
        /CANARY_SOAK: 0 .*; CANARY_UPDATE_CYCLE: 0 .*; CANARY_HOLD_TIMEOUT: 1ms is unsafe: at least 10m/,
      );
  });

  test('do not keep a person from work on the registry, which needs images', async () => {
    expect(await loadConfig(trial, undefined, 'registry')).toMatchObject({ soakMs: 0 });
    await expect(loadConfig({}, undefined, 'registry')).rejects.toThrow('CANARY_IMAGES is missing');
    // Tenants are not looked at: a file of a fleet that is gone must not stop a rollback.
    const gone = { ...trial, CANARY_PROD_FLEET_FILE: '/none' };
    await expect(loadConfig(gone, undefined, 'worker')).rejects.toThrow('CANARY_PROD_FLEET_FILE');
    expect(await loadConfig(gone, undefined, 'registry')).toMatchObject({ productionFleet: null });
  });

  test('matter as little to a smoke as images', async () => {
    expect(await loadConfig({ CANARY_SOAK: '0' }, undefined, 'smoke')).toMatchObject({ images: [] });
  });
});
