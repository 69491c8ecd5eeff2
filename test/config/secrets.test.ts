import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { connectionConfig } from '../../src/temporal/connection.js';

const SECRET = 'ghp_0123456789';
const ORIGIN = 'https://a.example';
const FLEET = '/etc/fleet.json';

/** Reads the configuration; files by their paths. */
const load = (env: Record<string, string>, files: Record<string, string> = {}) =>
  loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', ...env }, (path) => files[path] ?? '');

interface Place {
  /** What the error names. */
  name: string;
  /** Reads a secret that is written so, and returns it as it is sent. */
  read: (text: string) => Promise<string | undefined>;
}

const fleet = (source: object, header = {}) =>
  JSON.stringify({ tenants: [{ url: ORIGIN, token: source, headers: header }] });
const github = async (env: Record<string, string>, files?: Record<string, string>) =>
  (await load(env, files)).secrets.github?.password;
const access = async (env: Record<string, string>, files?: Record<string, string>) =>
  (await (await load(env, files)).fleet?.read())?.access.get(ORIGIN);

/** Every place where a secret is configured. Logins of registries: test/registry/credentials.test.ts. */
const PLACES: Place[] = [
  { name: 'GITHUB_TOKEN', read: (text) => github({ GITHUB_TOKEN: text }) },
  { name: 'GITHUB_TOKEN_FILE', read: (text) => github({ GITHUB_TOKEN_FILE: '/t' }, { '/t': text }) },
  {
    name: 'TEMPORAL_API_KEY',
    read: async (text) =>
      connectionConfig({ TEMPORAL_API_KEY: text, TEMPORAL_ADDRESS: '127.0.0.1:1' }).connectionOptions.apiKey as string,
  },
  {
    name: 'header x-proxy-key',
    read: async (text) =>
      connectionConfig({ TEMPORAL_GRPC_META_X_PROXY_KEY: text, TEMPORAL_ADDRESS: '127.0.0.1:1' }).connectionOptions
        .metadata?.['x-proxy-key'] as string,
  },
  {
    name: 'CANARY_ADMIN_TOKENS',
    read: async (text) => (await access({ CANARY_TENANT_URLS: ORIGIN, CANARY_ADMIN_TOKENS: text }))?.token,
  },
  {
    name: 'CANARY_ADMIN_TOKENS',
    read: async (text) =>
      (await access({ CANARY_TENANT_URLS: ORIGIN, CANARY_ADMIN_TOKENS_FILE: '/t' }, { '/t': text }))?.token,
  },
  {
    name: 'token (ONE_TOKEN)',
    read: async (text) =>
      (await access({ CANARY_FLEET_FILE: FLEET, ONE_TOKEN: text }, { [FLEET]: fleet({ env: 'ONE_TOKEN' }) }))?.token,
  },
  {
    name: 'token (/t)',
    read: async (text) =>
      (await access({ CANARY_FLEET_FILE: FLEET }, { [FLEET]: `\ufeff${fleet({ file: '/t' })}`, '/t': text }))?.token,
  },
  {
    name: 'headers.X-Org (ORG)',
    read: async (text) => {
      const files = { [FLEET]: fleet({ env: 'ONE_TOKEN' }, { 'X-Org': { env: 'ORG' } }) };
      return (await access({ CANARY_FLEET_FILE: FLEET, ONE_TOKEN: 'one', ORG: text }, files))?.headers['X-Org'];
    },
  },
];

describe.each(PLACES)('a secret in $name', ({ name, read }) => {
  test.each([
    ['a line break at its end', `${SECRET}\n`],
    ['a line break of Windows', `${SECRET}\r\n`],
    ['a byte order mark', `\ufeff${SECRET}`],
    ['blanks around it', ` \t${SECRET} \n\n`],
  ])('may have %s', async (_what, text) => {
    expect(await read(text)).toBe(SECRET);
  });

  test.each([
    ['a letter beyond ASCII', `${SECRET}é`],
    ['a zero-width space', `${SECRET}\u200b`],
    ['a control character', `${SECRET}\u0007x`],
    ...(name === 'CANARY_ADMIN_TOKENS' ? [] : [['a second line', `${SECRET}\nsecond`]]),
  ])('with %s is refused by its name, and not shown', async (_what, text) => {
    const error = (await read(text as string).catch((reason: unknown) => reason)) as Error;
    expect(error.message).toContain(name);
    expect(error.message).toContain('has characters that no header carries');
    expect(String(error.stack)).not.toContain(SECRET.slice(0, 8));
  });
});

test('a blank is part of a header, and not of a token', async () => {
  const [token, header] = [PLACES[0] as Place, PLACES.at(-1) as Place];
  expect(await header.read('acme 42')).toBe('acme 42');
  await expect(token.read('ghp_1 # of ada')).rejects.toThrow('GITHUB_TOKEN: has characters');
});

test('an empty file of a secret counts as unset', async () => {
  expect(await github({ GITHUB_TOKEN_FILE: '/t' }, { '/t': '\n' })).toBeUndefined();
});
