import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/schema.js';

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };

const FILES: Record<string, string> = {
  '/run/token': 'secret-of-a-file\n',
  '/run/empty': '\n',
  '/run/two-lines': 'secret\nlines\n',
};

/** The problems of an environment, with a fleet file of this content. */
async function problems(env: Record<string, string>, fleetFile = ''): Promise<string[]> {
  try {
    await loadConfig({ ...IMAGES, ...env }, (path) => {
      const text = path === '/etc/fleet.json' ? fleetFile : FILES[path];
      if (text === undefined) throw new Error(`there is no file ${path}`);
      return text;
    });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const LISTS = { CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS: 'secret' };
const of = (url: string) => ({ ...LISTS, CANARY_TENANT_URLS: url });
const URL_1 = 'CANARY_TENANT_URLS: the URL of canary-1';

describe('loadConfig, invalid environment', () => {
  test.each<[Record<string, string>, string]>([
    [
      { CANARY_TENANT_URLS: 'https://a.example' },
      'URLS(1) and TOKENS(0) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position',
    ],
    [
      { CANARY_ADMIN_TOKENS: 'secret' },
      'URLS(0) and TOKENS(1) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position',
    ],
    [
      { ...LISTS, CANARY_ADMIN_TOKENS: 'secret secret\nsecret' },
      'URLS(1) and TOKENS(3) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position',
    ],
    [
      { ...LISTS, CANARY_ADMIN_TOKENS: 'secrét' },
      'CANARY_ADMIN_TOKENS: the token of canary-1 has characters that no header carries: blanks, line breaks, or letters beyond ASCII (write it again)',
    ],
    [of('nonsense'), `${URL_1} is not a URL: expected e.g. https://canary-1.example.com`],
    [of('a.example:443'), `${URL_1} has scheme a.example: expected https`],
    [of('ftp://a.example'), `${URL_1} has scheme ftp: expected https`],
    [of('https://u:p@a.example'), `${URL_1} has a user or password: the token belongs in CANARY_ADMIN_TOKENS`],
    [of('http://a.example'), `${URL_1} is plain http to a.example: a token goes over https, or to this machine only`],
    [
      of('http://127.0.0.1.evil.example'),
      `${URL_1} is plain http to 127.0.0.1.evil.example: a token goes over https, or to this machine only`,
    ],
    [of('https://a.example/x'), `${URL_1} has a path, query or fragment: write its origin only`],
    [of('https://a.example?x'), `${URL_1} has a path, query or fragment: write its origin only`],
    [
      { CANARY_TENANT_URLS: 'https://a.example https://A.example:443/', CANARY_ADMIN_TOKENS: 'x y' },
      'CANARY_TENANT_URLS: the URL of canary-2 appears twice: https://a.example',
    ],
    [{ CANARY_SOAK: '6' }, 'CANARY_SOAK: invalid duration "6": expected e.g. 6m or 30s'],
    [{ CANARY_SOAK: '-1m' }, 'CANARY_SOAK: invalid duration "-1m": expected e.g. 6m or 30s'],
    [{ CANARY_SOAK: '6 m' }, 'CANARY_SOAK: invalid duration "6 m": expected e.g. 6m or 30s'],
    [{ CANARY_SOAK: '721h' }, 'CANARY_SOAK: invalid duration "721h": expected at most 720h'],
    ...[
      ['CANARY_SOAK', '0', '0', '1m'],
      ['CANARY_SOAK', '59s', '59s', '1m'],
      ['CANARY_UPDATE_CYCLE', '0', '0', '10s'],
      ['CANARY_SOAK_PROBE', '1ms', '1ms', '1s'],
      ['CANARY_POLL', '999ms', '999ms', '1s'],
      ['CANARY_BAKE', '1s', '1s', '1m'],
      ['CANARY_HOLD_TIMEOUT', '30s', '30s', '10m'],
    ].map(([variable, given, shown, least]): [Record<string, string>, string] => [
      { [`${variable}`]: `${given}` },
      `${variable}: ${shown} is unsafe: at least ${least}, or CANARY_UNSAFE=true for a trial`,
    ]),
    [{ CANARY_UNSAFE: 'yes' }, 'CANARY_UNSAFE: must be true or false'],
    [{ CANARY_SOAK_PROBE: '0' }, 'CANARY_SOAK_PROBE: must be more than 0'],
    [{ CANARY_POLL: '0' }, 'CANARY_POLL: must be more than 0'],
    [{ CANARY_UPDATE_TIMEOUT: '0s' }, 'CANARY_UPDATE_TIMEOUT: must be more than 0'],
    [{ CANARY_UPDATE_CYCLE: 'five' }, 'CANARY_UPDATE_CYCLE: invalid duration "five": expected e.g. 6m or 30s'],
    [{ CANARY_SMOKE_TIMEOUT: '0' }, 'CANARY_SMOKE_TIMEOUT: must be more than 0'],
    [{ CANARY_SMOKE_TIMEOUT: '5m' }, 'CANARY_SMOKE_TIMEOUT: must be at most 150s'],
    [{ CANARY_SMOKE_SUITE: 'suite.py' }, 'CANARY_SMOKE_SUITE: must be a .ts or .js file'],
    [
      { CANARY_IMAGES: '' },
      'CANARY_IMAGES is missing: name the images that move together, e.g. CANARY_IMAGES=ghcr.io/acme/platform,ghcr.io/acme/platform-tenant',
    ],
    [
      { CANARY_IMAGES: ' , ' },
      'CANARY_IMAGES is missing: name the images that move together, e.g. CANARY_IMAGES=ghcr.io/acme/platform,ghcr.io/acme/platform-tenant',
    ],
    [
      { CANARY_IMAGES: 'ghcr.io/x/y,ghcr.io/x/z ghcr.io/x/y' },
      'CANARY_IMAGES: image "ghcr.io/x/y" is named twice: name each once',
    ],
    [
      { CANARY_IMAGES: 'ghcr.io/X/y' },
      'CANARY_IMAGES: image "ghcr.io/X/y" has upper-case letters: registries want lower case, e.g. ghcr.io/molecule-ai/platform',
    ],
    [
      { CANARY_IMAGES: 'ghcr.io/x/y:latest' },
      'CANARY_IMAGES: image "ghcr.io/x/y:latest" has a tag: write host/path only, e.g. ghcr.io/molecule-ai/platform',
    ],
    [
      { CANARY_IMAGES: 'https://ghcr.io/x/y' },
      'CANARY_IMAGES: image "https://ghcr.io/x/y" has a scheme: write host/path only, e.g. ghcr.io/molecule-ai/platform',
    ],
    [
      { CANARY_IMAGES: 'platform' },
      'CANARY_IMAGES: image "platform" names no registry host, e.g. ghcr.io/molecule-ai/platform',
    ],
    [
      { CANARY_LANE: 'EU' },
      'CANARY_LANE: invalid lane "EU": expected up to 32 lower-case letters, digits and inner dashes, e.g. eu, or two of them, e.g. eu.payments',
    ],
    [
      { CANARY_BUILD_PROBE: 'health' },
      'CANARY_BUILD_PROBE: invalid build probe "health": expected path#field, e.g. /health#sha',
    ],
    [
      { CANARY_BUILD_PROBE: '/health' },
      'CANARY_BUILD_PROBE: invalid build probe "/health": expected path#field, e.g. /health#sha',
    ],
    [
      { CANARY_BUILD_PROBE: '//evil.example/health#sha' },
      'CANARY_BUILD_PROBE: invalid build probe "//evil.example/health#sha": expected path#field, e.g. /health#sha',
    ],
    [
      { CANARY_BUILD_PROBE: '/health#sha,none' },
      'CANARY_BUILD_PROBE: invalid build probe "none": expected path#field, e.g. /health#sha',
    ],
    [
      { CANARY_BUILD_PROBE: ',' },
      'CANARY_BUILD_PROBE: invalid build probe "": expected path#field, e.g. /health#sha, or none',
    ],
    [{ CANARY_SOKA: '6m' }, 'CANARY_SOKA: no such setting: did you mean CANARY_SOAK?'],
    [{ CANARY_UI_URL: 'temporal' }, 'CANARY_UI_URL: must be an http or https address'],
    [{ CANARY_RUNBOOK_URL: 'ftp://a.example' }, 'CANARY_RUNBOOK_URL: must be an http or https address'],
    [{ CANARY_HTTP_ADDR: '9464' }, 'CANARY_HTTP_ADDR: invalid address "9464": expected host:port, e.g. 0.0.0.0:9464'],
    [{ CANARY_APPROVAL: 'yes' }, 'CANARY_APPROVAL: must be auto or required'],
    [{ CANARY_SLACK_WEBHOOK: 'secret' }, 'CANARY_SLACK_WEBHOOK is not supported yet: unset it'],
    [{ CANARY_SLACK_WEBHOOK_FILE: '/run/token' }, 'CANARY_SLACK_WEBHOOK_FILE is not supported yet: unset it'],
    [{ CANARY_REPORT_TOKEN: 'secret' }, 'CANARY_REPORT_TOKEN is not supported yet: unset it'],
    [{ CANARY_CP_BASE_URL: 'https://cp.example' }, 'CANARY_CP_BASE_URL is not supported yet: unset it'],
    [{ CANARY_CP_ADMIN_TOKEN: 'secret' }, 'CANARY_CP_ADMIN_TOKEN is not supported yet: unset it'],
    [{ CANARY_CP_SHARED_SECRET_FILE: '/nowhere' }, 'CANARY_CP_SHARED_SECRET_FILE is not supported yet: unset it'],
    [{ CANARY_TAG: 'latest' }, 'CANARY_TAG: latest is what production follows: take another, e.g. canary'],
    [{ GITHUB_TOKEN: 'a', GITHUB_TOKEN_FILE: '/b' }, 'GITHUB_TOKEN and GITHUB_TOKEN_FILE are both set: keep one'],
    [{ GITHUB_TOKEN_FILE: '/b' }, 'GITHUB_TOKEN_FILE: there is no file /b'],
    [
      { ...LISTS, CANARY_ADMIN_TOKENS_FILE: '/run/token' },
      'CANARY_ADMIN_TOKENS and CANARY_ADMIN_TOKENS_FILE are both set: keep one',
    ],
    [{ CANARY_FLEET_FILE: '/nowhere.json' }, 'CANARY_FLEET_FILE: there is no file /nowhere.json'],
    [{ CANARY_FLEET_FILE_FILE: '/x' }, 'CANARY_FLEET_FILE_FILE: no such setting'],
  ])('%j', async (env, problem) => expect(await problems(env)).toEqual([problem]));
});

describe('loadConfig, invalid fleet file', () => {
  const token = { file: '/run/token' };
  const a = { url: 'https://a.example', token };
  const NAME_RULE = 'must be up to 63 letters, digits, dots, dashes and underscores, e.g. canary-eu';
  const SECRET_RULE = 'must be { "env": "NAME" } or { "file": "PATH" }: a fleet file contains no secret';
  test.each<[unknown, string]>([
    ['{ "tenants": [\n 1 2 ]', 'is not JSON at line 2'],
    ['', 'is not JSON'],
    [[], 'must be an object, e.g. { "tenants": [] }'],
    [{}, 'tenants is missing: an array of tenants'],
    [{ tenants: [], tenant: [] }, 'has "tenant", which is not known'],
    [
      { tenants: ['https://a.example'] },
      'tenants[0] must be a tenant, e.g. { "url": "https://canary-1.example.com", "token": { "env": "NAME" } }',
    ],
    [{ tenants: [{ token }] }, 'tenants[0].url is missing, e.g. https://canary-1.example.com'],
    [
      { tenants: [{ url: 'https://a.example' }] },
      'tenants[0] (canary-1): token is missing: expected { "env": "NAME" } or { "file": "PATH" }',
    ],
    [{ tenants: [{ ...a, token: 'secret' }] }, `tenants[0].token ${SECRET_RULE}`],
    [{ tenants: [{ ...a, token: { env: 'A', file: 'b' } }] }, `tenants[0].token ${SECRET_RULE}`],
    [{ tenants: [{ ...a, tokens: token }] }, 'tenants[0] has "tokens", which is not known'],
    [{ tenants: [{ ...a, name: 'canary one' }] }, `tenants[0].name ${NAME_RULE}`],
    [{ tenants: [{ ...a, name: '-' }] }, `tenants[0].name ${NAME_RULE}`],
    [
      { tenants: [{ ...a, headers: { 'X-Org': 7 } }] },
      'tenants[0].headers.X-Org must be a string, { "env": "NAME" } or { "file": "PATH" }',
    ],
    [
      { tenants: [{ ...a, url: 'https://u:p@a.example' }] },
      'tenants[0] (canary-1): url has a user or password: the token belongs in "token"',
    ],
    [
      { tenants: [{ ...a, name: 'eu', url: 'http://a.example' }] },
      'tenants[0] (eu): url is plain http to a.example: a token goes over https, or to this machine only',
    ],
    [{ tenants: [a, a] }, 'tenants[1] (canary-2): url appears twice: https://a.example'],
    [
      {
        tenants: [
          { ...a, name: 'canary-2' },
          { ...a, url: 'https://b.example' },
        ],
      },
      'tenants[1] (canary-2): its name appears twice',
    ],
    [{ tenants: [{ ...a, token: { env: 'NOT_SET' } }] }, 'tenants[0] (canary-1): token is empty: NOT_SET is not set'],
    [
      { tenants: [{ ...a, token: { file: '/run/nowhere' } }] },
      'tenants[0] (canary-1): token: there is no file /run/nowhere',
    ],
    [{ tenants: [{ ...a, token: { file: 'beside' } }] }, 'tenants[0] (canary-1): token: there is no file /etc/beside'],
    [{ tenants: [{ ...a, token: { file: '/run/empty' } }] }, 'tenants[0] (canary-1): token is empty'],
    [
      { tenants: [{ ...a, token: { file: '/run/two-lines' } }] },
      'tenants[0] (canary-1): token (/run/two-lines) has characters that no header carries: blanks, line breaks, or letters beyond ASCII (write it again)',
    ],
    [{ tenants: [{ ...a, headers: { 'X Org': 'o' } }] }, 'tenants[0] (canary-1): headers: invalid name "X Org"'],
    [
      { tenants: [{ ...a, headers: { Authorization: 'Basic x' } }] },
      'tenants[0] (canary-1): headers: Authorization is set by the gate',
    ],
    [
      { tenants: [{ ...a, headers: { origin: 'https://a.example' } }] },
      'tenants[0] (canary-1): headers: origin is set by the gate',
    ],
    [{ tenants: [{ ...a, headers: { 'X-Org': '' } }] }, 'tenants[0] (canary-1): headers.X-Org is empty'],
    [
      { tenants: [{ ...a, buildProbe: 'health' }] },
      'tenants[0] (canary-1): invalid build probe "health": expected path#field, e.g. /health#sha',
    ],
  ])('%j', async (content, problem) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    expect(await problems({ CANARY_FLEET_FILE: '/etc/fleet.json' }, text)).toEqual([`CANARY_FLEET_FILE: ${problem}`]);
  });

  test('a fleet file together with the lists is a problem', async () => {
    expect(await problems({ ...LISTS, CANARY_FLEET_FILE: '/etc/fleet.json' }, '{"tenants":[]}')).toEqual([
      'CANARY_FLEET_FILE: is set together with CANARY_TENANT_URLS or CANARY_ADMIN_TOKENS: keep one',
    ]);
  });
});

describe('loadConfig, several problems', () => {
  test('one message has every problem of an environment, and no secret', async () => {
    const env = { CANARY_SOAK: 'x', CANARY_LANE: 'EU', CANARY_ADMIN_TOKENS: 'secret', CANARY_SOKA: '1' };
    expect(await problems(env)).toHaveLength(4);
    await expect(loadConfig({ ...IMAGES, ...env })).rejects.toThrow(
      /CANARY_SOKA: .*; CANARY_LANE: .*; CANARY_SOAK: .*; .*TOKENS\(1\)/s,
    );
    expect((await problems(env)).join()).not.toContain('secret');
  });
  test('a setting that is not supported yet is one line among the others', async () => {
    const found = await problems({ CANARY_SLACK_WEBHOOK: 'secret', CANARY_REPORT_TOKEN: 'secret', CANARY_SOAK: 'x' });
    expect(found).toEqual([
      'CANARY_REPORT_TOKEN is not supported yet: unset it',
      'CANARY_SLACK_WEBHOOK is not supported yet: unset it',
      'CANARY_SOAK: invalid duration "x": expected e.g. 6m or 30s',
    ]);
  });
  test('an empty value of a setting that is not supported yet counts as unset', async () => {
    expect(await problems({ CANARY_SLACK_WEBHOOK: ' ' })).toEqual([]);
  });
  test('one message has every problem of an environment and its fleet file, and no secret', async () => {
    const tenants = [
      { url: 'x', token: { file: '/run/two-lines' } },
      { url: 'https://b.example', token: { env: 'B' } },
    ];
    const found = await problems(
      { CANARY_SOAK: 'x', CANARY_FLEET_FILE: '/etc/fleet.json' },
      JSON.stringify({ tenants }),
    );
    expect(found).toHaveLength(4);
    expect(found.join()).not.toContain('secret');
  });
});
