import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadGateConfig } from '../../src/config/load.js';
import { checkJudges } from '../../src/doctor/judges.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SUITE = `import { alerts, command, defaultSuite, prometheus } from '@canary-release-gate/canary/smoke';
export default [
  ...defaultSuite,
  prometheus('few fail', 'b', { url: 'https://p.example', token: { file: 'token' }, query: 'up', is: { atMost: 1 } }),
  alerts('no monitor', 'b', {
    url: 'https://d.example', from: 'datadog', monitor: 7, headers: { 'DD-API-KEY': { env: 'DD_KEY' }, 'X-Plain': 'yes' },
  }),
  command('k6', 'b', { run: ['k6'], env: { PLAIN: 'x', K6_TOKEN: { env: '__proto__' } }, observe: true }),
];`;

test('a judge whose secret is not there, is empty or cannot be sent stops a release; one that observes is a warning', async () => {
  const file = join(folder, 'suite.mjs');
  writeFileSync(file, SUITE);
  const found = async (env: Record<string, string>) => {
    const gate = await loadGateConfig({ CANARY_SMOKE_SUITE: file, ...env }, 'smoke');
    return checkJudges(gate).map(({ level, what }) => `${level}: ${what}`);
  };
  const ofCommand = 'warning: the check k6 could not test: __proto__ is not set';
  expect(await found({})).toEqual([
    'stops: the check few fail could not test: token cannot be read: ENOENT',
    'stops: the check no monitor could not test: DD_KEY is not set',
    ofCommand,
  ]);
  writeFileSync(join(folder, 'token'), '\n');
  expect(await found({ DD_KEY: 'hush hush\u0001' })).toEqual([
    'stops: the check few fail could not test: token is empty',
    expect.stringMatching(/^stops: the check no monitor could not test: DD_KEY has /),
    ofCommand,
  ]);
  writeFileSync(join(folder, 'token'), 'hush\n');
  expect(await found({ DD_KEY: 'hush' })).toEqual([ofCommand]);
});
