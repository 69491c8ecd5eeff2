import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { SECRETS } from '../../src/config/schema.js';
import { parseSlug } from '../../src/contract/tenants/added.js';
import { liveFile } from '../../src/net/live-file.js';
import { DIRECT } from '../../src/net/network.js';
import { configuredRegistry } from '../../src/registry/configured-registry.js';
import { connectionConfig } from '../../src/temporal/connection.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import { keyIds, payloadKeys } from '../../src/temporal/payloads/keys.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { followApiKey } from '../../workers/follow/api-key.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-rotation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** A file of this name, with this content from now on. */
const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
const keyLine = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

const whsec = () => `whsec_${randomBytes(32).toString('base64')}`;
const pem = () =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;

const server = await startSinkServer();
afterAll(() => server.stop());
server.answer = ({ path }) => ({ status: 200, body: path === '/cp/admin/orgs' ? '{"orgs":[]}' : FLEET });
const FLEET = JSON.stringify({ tenants: [{ name: 'eu', url: 'https://eu.example', token: { env: 'EU_TOKEN' } }] });
/** The Bearer token that the server gets of a request. */
const bearerOf = async (path: string, request: () => Promise<unknown>) => {
  await request();
  const last = server.requests.findLast((one) => one.path === path);
  return last?.headers.authorization?.replace('Bearer ', '');
};

/** What a request would use of a credential now. */
type Used = () => unknown;
/** Each credential of a worker that may be a file. */
const CREDENTIALS: [variable: string, first: string, second: string, use: (path: string) => Promise<Used>][] = [
  [
    'TEMPORAL_API_KEY',
    'key-1',
    'key-2\n',
    async (path) => {
      const { apiKey, connectionOptions } = connectionConfig({ HOME: folder, TEMPORAL_API_KEY_FILE: path });
      expect(connectionOptions).toMatchObject({ apiKey: 'key-1', tls: true });
      return () => apiKey?.();
    },
  ],
  [
    'GITHUB_TOKEN',
    'token-1',
    'token-2\n',
    async (path) => {
      const { secrets } = await loadConfig({ ...IMAGES, GITHUB_TOKEN_FILE: path });
      const { auth } = configuredRegistry({ secrets, network: DIRECT }, { HOME: folder });
      return () =>
        auth.credentials('ghcr.io', 'acme/platform').then((found) => (found as { password: string }).password);
    },
  ],
  [
    'CANARY_ADMIN_TOKENS',
    'admin-1',
    'admin-2\n',
    async (path) => {
      const env = { ...IMAGES, CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: path };
      const { fleet } = await loadConfig(env);
      return async () => (await fleet?.read())?.access.get('https://a.example')?.token;
    },
  ],
  [
    'CANARY_FLEET_TOKEN',
    'fleet-1',
    'fleet-2\n',
    async (path) => {
      const url = { CANARY_FLEET_URL: `${server.url}/fleet`, CANARY_FLEET_SECRETS: 'EU_TOKEN', EU_TOKEN: 'eu-1' };
      const { fleet } = await loadConfig({ ...IMAGES, ...url, CANARY_FLEET_TOKEN_FILE: path });
      return () => bearerOf('/fleet', async () => fleet?.read());
    },
  ],
  [
    'CANARY_CP_ADMIN_TOKEN',
    'plane-1',
    'plane-2\n',
    async (path) => {
      const env = { CANARY_CP_BASE_URL: server.url, CANARY_CP_ADMIN_TOKEN_FILE: path };
      const { controlPlane } = await loadConfig({ ...IMAGES, ...env });
      return () => bearerOf('/cp/admin/orgs', async () => controlPlane?.orgs());
    },
  ],
  [
    'CANARY_CP_SHARED_SECRET',
    'shared-1',
    'shared-2\n',
    async (path) => {
      const env = {
        CANARY_CP_BASE_URL: server.url,
        CANARY_CP_ADMIN_TOKEN: 'plane',
        CANARY_CP_SHARED_SECRET_FILE: path,
      };
      const { controlPlane } = await loadConfig({ ...IMAGES, ...env });
      return () => bearerOf('/cp/orgs/eu/provision', async () => controlPlane?.provision(parseSlug('eu')));
    },
  ],
  [
    'CANARY_WEBHOOK_URL',
    'https://hook-1.example/x',
    'https://hook-2.example/x\n',
    async (path) => {
      const env = { CANARY_WEBHOOK_URL_FILE: path, CANARY_WEBHOOK_SECRET: whsec() };
      const { webhook } = (await loadConfig({ ...IMAGES, ...env })).secrets;
      return () => webhook?.url();
    },
  ],
  [
    'CANARY_WEBHOOK_SECRET',
    whsec(),
    whsec(),
    async (path) => {
      const env = { CANARY_WEBHOOK_URL: 'https://hook.example', CANARY_WEBHOOK_SECRET_FILE: path };
      const { webhook } = (await loadConfig({ ...IMAGES, ...env })).secrets;
      return () => webhook?.secrets()[0]?.toString('base64');
    },
  ],
  [
    'CANARY_SLACK_WEBHOOK',
    'https://slack-1.example/x',
    'https://slack-2.example/x\n',
    async (path) => {
      const { slack } = (await loadConfig({ ...IMAGES, CANARY_SLACK_WEBHOOK_FILE: path })).secrets;
      return () => slack?.();
    },
  ],
  [
    'CANARY_GITHUB_TOKEN',
    'notices-1',
    'notices-2\n',
    async (path) => {
      const env = { CANARY_GITHUB_REPO: 'acme/platform', CANARY_GITHUB_TOKEN_FILE: path };
      const { githubNotify } = (await loadConfig({ ...IMAGES, ...env })).secrets;
      return () => githubNotify && 'token' in githubNotify && githubNotify.token();
    },
  ],
  [
    'CANARY_GITHUB_APP_KEY',
    pem(),
    pem(),
    async (path) => {
      const env = { CANARY_GITHUB_REPO: 'acme/platform', CANARY_GITHUB_APP_ID: '1', CANARY_GITHUB_APP_KEY_FILE: path };
      const { githubNotify } = (await loadConfig({ ...IMAGES, ...env })).secrets;
      return () => githubNotify && 'app' in githubNotify && githubNotify.app.key();
    },
  ],
  [
    'CANARY_PAYLOAD_KEY',
    keyLine('1'),
    keyLine('2'),
    async (path) => {
      const codec = payloadCodec(payloadKeys({ CANARY_PAYLOAD_KEY_FILE: path }), 'throw');
      return async () => {
        const [payload] = await codec.encode([defaultPayloadConverter.toPayload('x')]);
        return Buffer.from(payload?.metadata?.['encryption-key-id'] ?? []).toString();
      };
    },
  ],
];

describe.concurrent('a credential that is a file is read again without a restart', () => {
  test('each that a worker has is tried', () => {
    const ofConnection = ['TEMPORAL_API_KEY', 'CANARY_PAYLOAD_KEY'];
    const ofCommands = ['CANARY_OIDC_TOKEN'];
    const expected = [...SECRETS, ...ofConnection].filter((name) => !ofCommands.includes(name));
    expect(CREDENTIALS.map(([name]) => name).sort()).toEqual(expected.sort());
  });

  test.each(CREDENTIALS)('%s', async (name, first, second, use) => {
    const began = performance.now();
    const path = file(name, first);
    const used = await use(path);
    const before = await used();
    expect(before).toBeTruthy();
    expect(first).toContain(before);
    file(name, '');
    await until('a second passes, and the empty file counts for nothing', async () => {
      expect(await used()).toBe(before);
      return performance.now() - began > 1_100;
    });
    file(name, second);
    await until('the new one is used', async () => (await used()) !== before);
    const after = await used();
    expect(after).toBeTruthy();
    expect(second).toContain(after);
  });

  test("Docker's login is read for each question, and a file that is gone counts as no login", async () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, '.docker'), { recursive: true });
    const login = (password: string) => {
      const auth = Buffer.from(`me:${password}`).toString('base64');
      writeFileSync(join(home, '.docker', 'config.json'), JSON.stringify({ auths: { 'registry.example': { auth } } }));
    };
    const { auth } = configuredRegistry({ secrets: { github: null }, network: DIRECT }, { HOME: home });
    login('docker-1');
    expect(await auth.credentials('registry.example', 'acme/a')).toMatchObject({ password: 'docker-1' });
    login('docker-2');
    expect(await auth.credentials('registry.example', 'acme/a')).toMatchObject({ password: 'docker-2' });
    rmSync(join(home, '.docker', 'config.json'));
    expect(await auth.credentials('registry.example', 'acme/a')).toBeNull();
  });
});

describe('liveFile', () => {
  test('keeps the last content while the file is gone or cannot be parsed, and reads it once it can', () => {
    let text: string | null = '1';
    const read = () => {
      if (text === null) throw new Error('gone');
      return text;
    };
    const parse = (given: string) => {
      if (given === 'bad') throw new Error('bad');
      return Number(given);
    };
    const news: unknown[] = [];
    const told = { changed: (now: number) => news.push(now), refused: (why: string) => news.push(why) };
    const current = liveFile(1, read, parse, { freshMs: 0, news: told });
    const seen = ['2', '2', null, null, 'bad', 'bad', ' ', '3'].map((next) => {
      text = next;
      return current();
    });
    expect(seen).toEqual([2, 2, 2, 2, 2, 2, 2, 3]);
    expect(news).toEqual([2, 'gone', 'bad', 'the file is empty', 3]);
  });
});

describe('the keys of payloads', () => {
  test('are told by their ids when they change, and a file that does not count by its line, never with a key', async () => {
    const [one, two, typo] = [keyLine('1'), keyLine('2'), `3:${'x'.repeat(42)}`];
    const path = file('told-keys', one);
    const news: string[] = [];
    const keys = payloadKeys(
      { CANARY_PAYLOAD_KEY_FILE: path },
      { changed: (now) => news.push(keyIds(now).join()), refused: (why) => news.push(why) },
    );
    const written = (text: string, count: number) => {
      file('told-keys', text);
      return until('it is read', () => keys?.first && news.length === count);
    };
    await written(`${one}\n${two}`, 1);
    await written(`# without a change of the keys\n${one}\n${two}\n${typo}`, 2);
    await written(`# again\n${one}\n${two}`, 2);
    await written(`${two}\n${one}`, 3);
    expect(news).toEqual(['1,2', expect.stringContaining('line 4 is not id:key'), '2,1']);
    for (const line of [one, two, typo]) expect(news.join()).not.toContain(line.slice(2));
  });
});

describe('the API key of a worker', () => {
  test('is given to its connection when it changes, and again after a failure', async () => {
    const given: string[] = [];
    let key = 'key-1';
    let isBroken = true;
    const setApiKey = async (next: string) => {
      if (isBroken) throw new Error(next);
      given.push(next);
    };
    const end = followApiKey({ setApiKey }, () => key, 5);
    key = 'key-2';
    let lines = '';
    const write = process.stderr.write;
    process.stderr.write = ((line: string) => {
      lines += line;
      return true;
    }) as typeof write;
    await until('it fails', () => lines.includes('not in use'));
    isBroken = false;
    await until('it is given', () => given.length > 0);
    process.stderr.write = write;
    end();
    expect(given).toEqual(['key-2']);
    expect(lines).not.toContain('key-2');
  });
});

describe('TEMPORAL_API_KEY_FILE', () => {
  const connect = (env: Record<string, string>) => connectionConfig({ HOME: folder, ...env });

  test.each([
    [{ TEMPORAL_API_KEY_FILE: '/nowhere/key' }, 'TEMPORAL_API_KEY_FILE: ENOENT: /nowhere/key'],
    [{ TEMPORAL_API_KEY_FILE: file('empty', '\n') }, 'TEMPORAL_API_KEY_FILE: the file is empty'],
    [{ TEMPORAL_API_KEY_FILE: file('two', 'key 1') }, 'TEMPORAL_API_KEY_FILE has characters that no header carries'],
    [{ TEMPORAL_API_KEY_FILE: file('one', 'key-1'), TEMPORAL_API_KEY: 'key-2' }, 'are both set: keep one'],
  ])('%j is refused, without the key', (env, problem) => {
    expect(() => connect(env)).toThrow(problem);
    expect(() => connect(env)).not.toThrow(/key[- ][12]/);
  });

  test('counts as a credential: it leaves this machine over TLS only', () => {
    const env = { TEMPORAL_API_KEY_FILE: file('key', 'key-1'), TEMPORAL_ADDRESS: 'temporal.example:7233' };
    expect(connect(env).facts).toMatchObject({ as: 'API key', tls: true });
    expect(() => connect({ ...env, TEMPORAL_TLS: 'false' })).toThrow('would get the API key in clear text');
  });
});
