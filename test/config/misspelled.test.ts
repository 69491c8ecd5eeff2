import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.js';
import { loadConfig } from '../../src/config/load.js';
import { misspelled } from '../../src/config/misspelled.js';

const meantBy = (name: string) => misspelled({ [name]: 'x' })[0]?.meant;

describe('a misspelled variable', () => {
  test.each([
    ['TEMPORAL_ADRESS', 'TEMPORAL_ADDRESS'],
    ['TEMPROAL_ADDRESS', 'TEMPORAL_ADDRESS'],
    ['temporal_api_key', 'TEMPORAL_API_KEY'],
    ['TEMPORAL_TSL', 'TEMPORAL_TLS'],
    ['TEMPORAL_APIKEY', 'TEMPORAL_API_KEY'],
    ['GITHUB_TOKN', 'GITHUB_TOKEN'],
    ['GITHUB_TOKEN_FLIE', 'GITHUB_TOKEN_FILE'],
    ['CANRY_IMAGES', 'CANARY_IMAGES'],
    ['canary_tenant_urls', 'CANARY_TENANT_URLS'],
    ['CANARY_ADMIN_TOKENS_FIL', 'CANARY_ADMIN_TOKENS_FILE'],
    ['Canary_Lane', 'CANARY_LANE'],
  ])('%s is told as %s', (name, meant) => {
    expect(meantBy(name)).toBe(meant);
  });

  test.each([
    'TEMPORAL_ADDRESS',
    'CANARY_IMAGES',
    'GITHUB_TOKEN_FILE',
    'GITHUB_ACTION',
    'GITHUB_ACTIONS',
    'GITHUB_ACTOR_ID',
    'GITHUB_REF',
    'TEMPORAL_DEBUG',
    'TEMPORAL_GRPC_META_X',
    'PATH',
    'HOME',
  ])('%s is not a misspelled setting', (name) => {
    expect(meantBy(name)).toBeUndefined();
  });

  test('without a value is as unset', () => {
    expect(misspelled({ CANRY_IMAGES: ' ' })).toEqual([]);
  });

  test('of a setting is a problem of the configuration, by another case or prefix, too', async () => {
    for (const [name, meant] of [
      ['CANARY_SOKA', 'CANARY_SOAK'],
      ['CANRY_SOAK', 'CANARY_SOAK'],
      ['canary_soak', 'CANARY_SOAK'],
    ])
      await expect(loadConfig({ [`${name}`]: '6m' })).rejects.toThrow(
        `${name}: no such setting: did you mean ${meant}?`,
      );
    await expect(loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_COLOR: 'red' })).rejects.toThrow(
      /CANARY_COLOR: no such setting$/,
    );
  });

  test('is told by a command that goes on, and by no command that reads no variables', async () => {
    const run = async (args: string[]) => {
      const err: string[] = [];
      const env = { CANARY_LAEN: 'bb', TEMPORAL_ADRESS: 'x', TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_TLS: 'maybe' };
      const stream = { out: () => undefined, err: (line: string) => void err.push(line), input: async () => '' };
      await main(args, { env, ...stream, signal: new AbortController().signal });
      return err;
    };
    expect(await run(['status'])).toEqual([
      'canary: warning: CANARY_LAEN has no effect: did you mean CANARY_LANE?',
      'canary: warning: TEMPORAL_ADRESS has no effect: did you mean TEMPORAL_ADDRESS?',
      'canary: TEMPORAL_TLS: invalid value "maybe": expected true, false, 1 or 0',
    ]);
    expect(await run(['completion', 'bash'])).toEqual([]);
  });
});
