import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, planRelease } from '../../src/config.js';

const problems = (env: Record<string, string>): string[] => {
  try {
    loadConfig(env, () => {
      throw new Error('no such file');
    });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

test('nothing set is a gate with the default images, a soak of six minutes and no fleet', () => {
  expect(loadConfig({})).toMatchObject({
    lane: '',
    images: ['ghcr.io/molecule-ai/platform', 'ghcr.io/molecule-ai/platform-tenant'],
    tenants: [],
    soakMs: 360_000,
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
  const config = loadConfig({ CANARY_TENANT_URLS: urls, CANARY_ADMIN_TOKENS: 'one\ntwo' });
  expect(config.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'canary-2', origin: 'https://b.example' },
  ]);
  expect(config.secrets.adminTokens.get('https://b.example')).toBe('two');
});

test('a secret is read from its file', () => {
  const config = loadConfig(
    { CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: '/run/t' },
    () => 'from-file\n',
  );
  expect(config.secrets.adminTokens.get('https://a.example')).toBe('from-file');
});

describe('a wrong configuration says what, where and the mend', () => {
  const fleet = { CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS: 'secret' };
  test.each<[Record<string, string>, string]>([
    [
      { CANARY_TENANT_URLS: 'https://a.example' },
      'CANARY_TENANT_URLS has 1 and CANARY_ADMIN_TOKENS 0: they are paired by position',
    ],
    [
      { ...fleet, CANARY_TENANT_URLS: 'nonsense' },
      'CANARY_TENANT_URLS: the URL of canary-1 is none, e.g. https://canary-1.example.com',
    ],
    [
      { ...fleet, CANARY_TENANT_URLS: 'https://u:p@a.example' },
      'CANARY_TENANT_URLS: the URL of canary-1 has a user or password: the token belongs in CANARY_ADMIN_TOKENS',
    ],
    [
      { ...fleet, CANARY_TENANT_URLS: 'http://a.example' },
      'CANARY_TENANT_URLS: the URL of canary-1 is plain http to a.example: a token goes over https, or to this machine only',
    ],
    [
      { ...fleet, CANARY_TENANT_URLS: 'https://a.example/x' },
      'CANARY_TENANT_URLS: the URL of canary-1 has a path, query or fragment: write its origin only',
    ],
    [{ CANARY_SOAK: '6' }, 'CANARY_SOAK: duration "6" is none, e.g. 60s, 6m or 72h'],
    [{ CANARY_POLL: '0' }, 'CANARY_POLL: has to be more than 0'],
    [
      { CANARY_IMAGES: 'ghcr.io/X/y' },
      'CANARY_IMAGES: image "ghcr.io/X/y" has upper-case letters: registries want lower case, e.g. ghcr.io/molecule-ai/platform',
    ],
    [
      { CANARY_LANE: 'EU' },
      'CANARY_LANE: lane "EU" is not up to 32 lower-case letters, digits and inner dashes, e.g. eu',
    ],
    [{ CANARY_BUILD_PROBE: 'health' }, 'CANARY_BUILD_PROBE: build probe "health" is not path#field, e.g. /health#sha'],
    [{ CANARY_SOKA: '6m' }, 'CANARY_SOKA: no such setting'],
    [{ CANARY_APPROVAL: 'required' }, 'CANARY_APPROVAL: not built yet, unset it'],
    [{ GITHUB_TOKEN: 'a', GITHUB_TOKEN_FILE: '/b' }, 'GITHUB_TOKEN and GITHUB_TOKEN_FILE are both set: keep one'],
    [{ GITHUB_TOKEN_FILE: '/b' }, 'GITHUB_TOKEN_FILE: no such file'],
  ])('%j', (env, problem) => expect(problems(env)).toEqual([problem]));

  test('all of it at once, and never with a token', () => {
    const found = problems({ CANARY_SOAK: 'x', CANARY_LANE: 'EU', CANARY_ADMIN_TOKENS: 'secret', CANARY_SOKA: '1' });
    expect(found).toHaveLength(4);
    expect(found.join()).not.toContain('secret');
  });
});

describe('the plan of a release', () => {
  test('input only lengthens the soak', () => {
    const config = loadConfig({ CANARY_SOAK: '6m' });
    expect(planRelease(config, { soak: '10m' }).soakMs).toBe(600_000);
    expect(() => planRelease(config, { soak: '1m' })).toThrow('soak 1m is shorter than the configured 6m');
  });
  test('the soak is never shorter than one auto-update cycle', () => {
    expect(planRelease(loadConfig({ CANARY_SOAK: '1m' }), {}).soakMs).toBe(300_000);
  });
  test('no secret is in it', () => {
    const plan = planRelease(
      loadConfig({ CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS: 'secret', GITHUB_TOKEN: 'ghp' }),
      {},
    );
    expect(JSON.stringify(plan)).not.toMatch(/secret|ghp/);
  });
});
