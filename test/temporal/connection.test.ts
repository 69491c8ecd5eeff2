import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connectionConfig } from '../../src/temporal/connection.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-connection-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FAR = 'temporal.example:7233';
/** Without the configuration file of this machine's user. */
const HERE = { HOME: folder };
const connect = (env: Record<string, string>) => connectionConfig({ ...HERE, ...env });
const toml = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

describe('TEMPORAL_TLS', () => {
  test.each(['TRUE', 'True', 'yes', 'on', 'ture', '2', 'false;'])(
    '%s is refused: the SDK would switch TLS off',
    (value) => {
      expect(() => connect({ TEMPORAL_API_KEY: 'k', TEMPORAL_ADDRESS: FAR, TEMPORAL_TLS: value })).toThrow(
        `TEMPORAL_TLS: invalid value "${value}": expected true, false, 1 or 0`,
      );
    },
  );

  test.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    [' true ', true],
  ])('%s is taken', (value, tls) => {
    expect(connect({ TEMPORAL_ADDRESS: FAR, TEMPORAL_TLS: value }).facts.tls).toBe(tls);
  });

  test.each(['', '  '])('an empty value is as none: an API key switches TLS on', (value) => {
    expect(connect({ TEMPORAL_API_KEY: 'k', TEMPORAL_ADDRESS: FAR, TEMPORAL_TLS: value }).facts.tls).toBe(true);
  });
});

describe('credentials', () => {
  const certificate = { TEMPORAL_TLS_CLIENT_CERT_DATA: 'c', TEMPORAL_TLS_CLIENT_KEY_DATA: 'k' };
  const clear = { TEMPORAL_TLS: 'false', TEMPORAL_ADDRESS: FAR };

  test.each([
    ['an API key', { TEMPORAL_API_KEY: 'prod-key' }, 'API key'],
    ['a client certificate', certificate, 'client certificate'],
    ['a header with a token', { TEMPORAL_GRPC_META_AUTHORIZATION: 'Bearer prod-key' }, 'header authorization'],
  ])('%s never leaves this machine in clear text', (_what, credential, name) => {
    const problem = `Temporal at ${FAR} would get the ${name} in clear text: set TEMPORAL_TLS=true, or unset what switches TLS off`;
    expect(() => connect({ ...credential, ...clear })).toThrow(problem);
    expect(() => connect({ ...credential, ...clear })).not.toThrow('prod-key');
    for (const address of ['127.0.0.1:7233', 'localhost:7233', '[::1]:7233', 'localhost'])
      expect(connect({ ...credential, ...clear, TEMPORAL_ADDRESS: address }).facts.tls).toBe(false);
  });

  test.each(['127.0.0.1.example:7233', 'evil.example#.localhost:7233', '0.0.0.0:7233', ' '])(
    'the address "%s" is another machine, unless it is empty',
    (address) => {
      const act = () => connect({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: '0', TEMPORAL_ADDRESS: address });
      if (address.trim() === '') expect(act().facts.address).toBe('127.0.0.1:7233');
      else expect(act).toThrow('in clear text');
    },
  );

  test('an address with a login is refused, and not shown', () => {
    const act = () =>
      connect({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: '0', TEMPORAL_ADDRESS: 'localhost@evil.example:7233' });
    expect(act).toThrow('invalid address of Temporal, which has an @ and is not shown');
    expect(act).not.toThrow('evil');
  });

  test('also of a file: its switch and its key', () => {
    const file = toml(
      'clear.toml',
      `[profile.default]\naddress = "${FAR}"\napi_key = "k"\n[profile.default.tls]\ndisabled = true\n`,
    );
    expect(() => connect({ TEMPORAL_CONFIG_FILE: file })).toThrow('would get the API key in clear text');
  });

  test('a certificate without its key is refused: the SDK would connect without either', () => {
    expect(() => connect({ TEMPORAL_TLS_CLIENT_CERT_DATA: 'c' })).toThrow('a client certificate needs its key');
    expect(() => connect({ TEMPORAL_TLS_CLIENT_KEY_DATA: 'k' })).toThrow('a client certificate needs its key');
  });

  test('an empty API key is as none', () => {
    expect(connect({ TEMPORAL_API_KEY: '' }).facts).toEqual({
      address: '127.0.0.1:7233',
      namespace: 'default',
      as: 'no credentials',
      tls: false,
    });
  });

  test('are described without the key', () => {
    const { facts } = connect({
      ...certificate,
      TEMPORAL_API_KEY: 'prod-key',
      TEMPORAL_ADDRESS: FAR,
      TEMPORAL_NAMESPACE: 'gate',
      TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
    });
    expect(facts).toEqual({
      address: FAR,
      namespace: 'gate',
      as: 'API key, client certificate',
      tls: true,
      serverName: 'temporal.internal',
    });
  });
});
