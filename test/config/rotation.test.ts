import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { liveFile } from '../../src/net/live-file.js';
import { DIRECT } from '../../src/net/network.js';
import { configuredRegistry } from '../../src/registry/configured-registry.js';
import { connectionConfig } from '../../src/temporal/connection.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import { payloadKeys } from '../../src/temporal/payloads/keys.js';
import { followApiKey } from '../../workers/follow-api-key.js';
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

/** Each credential of a worker that may be a file, and what a request would use of it now. */
const CREDENTIALS: [name: string, first: string, second: string, use: (path: string) => Promise<() => unknown>][] = [
  [
    'TEMPORAL_API_KEY_FILE',
    'key-1',
    'key-2\n',
    async (path) => {
      const { apiKey, connectionOptions } = connectionConfig({ HOME: folder, TEMPORAL_API_KEY_FILE: path });
      expect(connectionOptions).toMatchObject({ apiKey: 'key-1', tls: true });
      return () => apiKey?.();
    },
  ],
  [
    'GITHUB_TOKEN_FILE',
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
    'CANARY_ADMIN_TOKENS_FILE',
    'admin-1',
    'admin-2\n',
    async (path) => {
      const env = { ...IMAGES, CANARY_TENANT_URLS: 'https://a.example', CANARY_ADMIN_TOKENS_FILE: path };
      const { fleet } = await loadConfig(env);
      return async () => (await fleet?.read())?.access.get('https://a.example')?.token;
    },
  ],
  [
    'CANARY_PAYLOAD_KEY_FILE',
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
  test.each(CREDENTIALS)('%s', async (name, first, second, use) => {
    const began = performance.now();
    const path = file(name, first);
    const used = await use(path);
    const before = await used();
    expect(first).toContain(before);
    file(name, '');
    await until('a second passes, and the empty file counts for nothing', async () => {
      expect(await used()).toBe(before);
      return performance.now() - began > 1_100;
    });
    file(name, second);
    await until('the new one is used', async () => (await used()) !== before);
    expect(second).toContain(await used());
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
    const current = liveFile(1, read, parse, 0);
    const seen = ['2', null, 'bad', ' ', '3'].map((next) => {
      text = next;
      return current();
    });
    expect(seen).toEqual([2, 2, 2, 2, 3]);
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
