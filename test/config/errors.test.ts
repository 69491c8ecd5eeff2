// Single problems are files: test/corpus/config/ and test/corpus/fleet/.
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
    const found = await problems({ CANARY_REPORT_TOKEN: 'secret', CANARY_SOAK: 'x' });
    expect(found).toEqual([
      'CANARY_REPORT_TOKEN is not supported yet: unset it',
      'CANARY_SOAK: invalid duration "x": expected e.g. 6m or 30s',
    ]);
  });
  test('an empty value of a setting that is not supported yet counts as unset', async () => {
    expect(await problems({ CANARY_REPORT_TOKEN: ' ' })).toEqual([]);
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
