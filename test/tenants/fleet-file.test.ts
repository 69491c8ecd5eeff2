import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, planRelease } from '../../src/config/config.js';
import { loadGateConfig } from '../../src/config/gate-config.js';
import { FLEET_FILE } from '../../src/tenants/sources/file.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-fleet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: unknown) => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

test('docs/fleet.schema.json is what the gate checks (npx vitest run test/tenants/fleet-file.test.ts -u)', async () => {
  const schema = z.toJSONSchema(FLEET_FILE, { io: 'input' });
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../docs/fleet.schema.json');
});

test('a fleet file names its tenants, where their secrets are, and how each tells its build', () => {
  write('token', 'token-of-a-file\n');
  const file = write('fleet.json', {
    $schema: './fleet.schema.json',
    tenants: [
      {
        url: 'https://a.example/',
        token: { file: 'token' },
        headers: { 'X-Molecule-Org-Id': { env: 'ORG' }, 'X-Plain': 'plain' },
      },
      { name: 'eu', url: 'http://127.0.0.1:8080', token: { env: 'EU_TOKEN' }, buildProbe: '/version#commit' },
      { url: 'https://c.example', token: { env: 'EU_TOKEN' }, buildProbe: 'none' },
    ],
  });
  const config = loadConfig({ CANARY_FLEET_FILE: file, ORG: 'org-1', EU_TOKEN: 'token-of-eu' });
  const fleet = config.readFleet();
  expect(fleet.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'eu', origin: 'http://127.0.0.1:8080', buildProbe: [{ path: '/version', field: 'commit' }] },
    { name: 'canary-3', origin: 'https://c.example', buildProbe: [] },
  ]);
  expect(fleet.access.get('https://a.example')).toEqual({
    token: 'token-of-a-file',
    headers: { 'X-Molecule-Org-Id': 'org-1', 'X-Plain': 'plain' },
  });
  expect(JSON.stringify(planRelease(config, {}))).not.toMatch(/token-of|org-1|plain/);
});

test('it is read anew for each release, and a token is that of now', () => {
  const token = write('rotated', 'old');
  const tenant = { url: 'https://a.example', token: { file: token } };
  const file = write('anew.json', { tenants: [tenant] });
  const config = loadConfig({ CANARY_FLEET_FILE: file });
  expect(planRelease(config, {}).tenants).toHaveLength(1);

  write('rotated', 'new');
  write('anew.json', { tenants: [tenant, { ...tenant, url: 'https://b.example' }] });
  expect(planRelease(config, {}).tenants).toHaveLength(2);
  expect(config.readFleet().access.get('https://a.example')?.token).toBe('new');

  write('anew.json', 'oops');
  expect(() => planRelease(config, {})).toThrow('configuration: CANARY_FLEET_FILE: is no JSON');
});

test('what is wrong with the configuration and with the suite that it names is told in one message', async () => {
  const suite = write('suite.ts', 'export default [];');
  await expect(loadGateConfig({ CANARY_SOAK: 'x', CANARY_SMOKE_SUITE: suite })).rejects.toThrow(
    'CANARY_SOAK: duration "x" is none, e.g. 60s, 6m or 72h\n  CANARY_SMOKE_SUITE: the suite is empty: it would pass everything',
  );
  await expect(loadGateConfig({ CANARY_SMOKE_SUITE: suite })).rejects.toThrow(
    'configuration: CANARY_SMOKE_SUITE: the suite is empty: it would pass everything',
  );
});
