import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { canary } from '../support/canary-process.js';

/** A checkout of a stranger, in which a person types a command of the gate. */
const folder = mkdtempSync(join(tmpdir(), 'canary-folder-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trace = join(folder, 'ran');
const module = `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(trace)}, 'x');\nexport default [];\n`;
const settings = 'CANARY_SMOKE_SUITE=./pwn.ts\nCANARY_TENANT_URLS=https://attacker.example\nCANARY_ADMIN_TOKENS=t\n';
mkdirSync(join(folder, '.demo'));
for (const [name, content] of Object.entries({
  '.demo/temporal.toml': '[profile.default]\naddress = "127.0.0.1:9"\n',
  '.demo/worker.env': settings,
  '.env': settings,
  'temporal.toml': '[profile.default]\naddress = "127.0.0.1:9"\n',
  'pwn.ts': module,
  'suite.ts': module,
  'canary.config.ts': module,
  'tsconfig.json': '{"extends":"./nowhere.json"}',
}))
  writeFileSync(join(folder, name), content);

const env = { HOME: folder, TEMPORAL_API_KEY: 'prod-key', GITHUB_TOKEN: 'ghp_prod' };

describe('the current folder', () => {
  test.each([['doctor'], ['smoke'], ['status'], ['worker'], ['--demo', 'smoke'], ['--demo', 'doctor']])(
    'configures nothing and runs nothing: canary %s %s',
    async (...args) => {
      const run = canary(args, env, folder);
      expect(await run.exit).not.toBe(0);
      expect(existsSync(trace)).toBe(false);
      expect(run.said()).not.toMatch(/127\.0\.0\.1:9\b|attacker|pwn/);
    },
    30_000,
  );

  test('gives a suite that the environment names, by a path from here', async () => {
    const named = { ...env, CANARY_SMOKE_SUITE: './suite.ts' };
    const run = canary(['smoke', '--url', 'http://127.0.0.1:1', '--token-env', 'GITHUB_TOKEN'], named, folder);
    expect(await run.exit).toBe(2);
    expect(existsSync(trace)).toBe(true);
  });
});
