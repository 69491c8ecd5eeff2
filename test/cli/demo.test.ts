import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { demoEnvironment } from '../../src/cli/demo-environment.js';
import { packageRoot } from '../../src/cli/package-root.js';
import { repositoryRoot } from '../../testbed/tools.js';

const clone = mkdtempSync(join(tmpdir(), 'canary-demo-'));
afterAll(() => rmSync(clone, { recursive: true, force: true }));

describe('canary --demo', () => {
  test('without a demo says where one would run', () => {
    expect(() => demoEnvironment({}, clone)).toThrow(`--demo: no demo runs in ${clone}: npm run demo, there`);
  });

  test('reads the files of the demo in the clone of the program itself', () => {
    expect(packageRoot).toBe(repositoryRoot);
  });

  test('gets the server and the settings of the demo, and no key of another gate', () => {
    mkdirSync(join(clone, '.demo'));
    const toml = join(clone, '.demo', 'temporal.toml');
    writeFileSync(toml, '');
    writeFileSync(join(clone, '.demo', 'worker.env'), 'CANARY_IMAGES=127.0.0.1:5000/platform\nPROD_1_TOKEN=t\n');
    const production = {
      TEMPORAL_ADDRESS: 'prod:7233',
      TEMPORAL_API_KEY: 'prod-key',
      TEMPORAL_PROFILE: 'prod',
      CANARY_LANE: 'prod',
      CANARY_ADMIN_TOKENS_FILE: '/run/secrets/tokens',
      GITHUB_TOKEN: 'ghp_prod',
      GITHUB_TOKEN_FILE: '/run/secrets/github',
    };
    expect(demoEnvironment({ ...production, PATH: '/bin', GITHUB_ACTOR: 'ada' }, clone)).toEqual({
      PATH: '/bin',
      GITHUB_ACTOR: 'ada',
      CANARY_IMAGES: '127.0.0.1:5000/platform',
      PROD_1_TOKEN: 't',
      TEMPORAL_CONFIG_FILE: toml,
    });
  });
});
