import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, loadGateConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import { FLEET_FILE } from '../../src/tenants/sources/schema.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-fleet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: unknown) => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

test('docs/fleet.schema.json is the schema that the gate checks (npx vitest run test/tenants/fleet-file.test.ts -u)', async () => {
  const schema = z.toJSONSchema(FLEET_FILE, { io: 'input' });
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../docs/fleet.schema.json');
});

test('a fleet file names its tenants, the sources of their secrets, and their build probes', async () => {
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
  const config = await loadConfig({
    CANARY_IMAGES: 'ghcr.io/acme/platform',
    CANARY_FLEET_FILE: file,
    ORG: 'org-1',
    EU_TOKEN: 'token-of-eu',
  });
  const fleet = await config.fleet?.read();
  expect(fleet?.tenants).toEqual([
    { name: 'canary-1', origin: 'https://a.example' },
    { name: 'eu', origin: 'http://127.0.0.1:8080', buildProbe: [{ path: '/version', field: 'commit' }] },
    { name: 'canary-3', origin: 'https://c.example', buildProbe: [] },
  ]);
  expect(fleet?.access.get('https://a.example')).toMatchObject({
    token: 'token-of-a-file',
    headers: { 'X-Molecule-Org-Id': 'org-1', 'X-Plain': 'plain' },
  });
  expect(JSON.stringify(await planRelease(config, {}))).not.toMatch(/token-of|org-1|plain/);
});

test('a fleet file and its secrets are read again for each release', async () => {
  const token = write('rotated', 'old');
  const tenant = { url: 'https://a.example', token: { file: token } };
  const file = write('again.json', { tenants: [tenant] });
  const config = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_FLEET_FILE: file });
  expect((await planRelease(config, {})).tenants).toHaveLength(1);

  write('rotated', 'new');
  write('again.json', { tenants: [tenant, { ...tenant, url: 'https://b.example' }] });
  expect((await planRelease(config, {})).tenants).toHaveLength(2);
  expect((await config.fleet?.read())?.access.get('https://a.example')?.token).toBe('new');

  write('again.json', 'oops');
  await expect(planRelease(config, {})).rejects.toThrow('configuration: CANARY_FLEET_FILE: is not JSON');
});

test('a canary tenant of a fleet file needs a token; one of production is only asked for its build', async () => {
  const fleet = write('tokenless.json', { tenants: [{ url: 'https://a.example' }] });
  const images = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
  await expect(loadConfig({ ...images, CANARY_FLEET_FILE: fleet })).rejects.toThrow(
    'CANARY_FLEET_FILE: tenants[0] (canary-1): token is missing',
  );
  const { productionFleet } = await loadConfig({ ...images, CANARY_PROD_FLEET_FILE: fleet });
  expect((await productionFleet?.read())?.tenants).toHaveLength(1);
});

test('a fleet file without a tenant keeps the minimum of its gate; without a source there is no minimum', async () => {
  const env = { CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_MIN_TENANTS: '2' };
  const file = write('empty.json', { tenants: [] });
  const plan = await planRelease(await loadConfig({ ...env, CANARY_FLEET_FILE: file }), {});
  expect(plan).toMatchObject({ tenants: [], minTenants: 2 });
  expect(await planRelease(await loadConfig(env), {})).not.toHaveProperty('minTenants');
});

test('one message has the problems of the configuration and of its suite', async () => {
  const suite = write('suite.ts', 'export default [];');
  await expect(
    loadGateConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_SOAK: 'x', CANARY_SMOKE_SUITE: suite }),
  ).rejects.toThrow(
    'CANARY_SOAK: invalid duration "x": expected e.g. 6m or 30s; CANARY_SMOKE_SUITE: the suite is empty: it would pass every build',
  );
  await expect(loadGateConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_SMOKE_SUITE: suite })).rejects.toThrow(
    'configuration: CANARY_SMOKE_SUITE: the suite is empty: it would pass every build',
  );
});
