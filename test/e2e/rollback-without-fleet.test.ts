import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { useGate } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { fullDescribe } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { startVictim, type Victim } from '../support/victim.js';

const gate = useGate('without-fleet');
const folder = mkdtempSync(join(tmpdir(), 'canary-without-fleet-'));
let worker: Victim | undefined;
afterAll(async () => {
  await worker?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const NO_FLEET = { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' };
const fleetFile = join(folder, 'fleet.json');
const ADDRESS = /"http\.listening".*"address":"([^"]+)"/;

const get = async (path: string) => {
  const response = await fetch(`http://${ADDRESS.exec(worker?.log() ?? '')?.[1]}${path}`);
  return { status: response.status, body: await response.text() };
};

fullDescribe('a worker whose fleet file is no JSON any more and whose suite is gone', () => {
  const old = newSha();
  let digests: string[];
  beforeAll(async () => {
    digests = await gate().begin(old);
    await promoted(gate());
    writeFileSync(fleetFile, '{"tenants": [');
    const env = {
      ...NO_FLEET,
      CANARY_FLEET_FILE: fleetFile,
      CANARY_SMOKE_SUITE: join(folder, 'suite.mjs'),
      CANARY_HTTP_ADDR: '127.0.0.1:0',
    };
    worker = await startVictim(gate(), folder, { command: ['bin/canary.js', 'worker'], env });
  });

  test('starts, says so, and is not ready for releases', async () => {
    expect(worker?.log()).toMatch(/"level":"ERROR".*worker\.degraded.*CANARY_FLEET_FILE.*CANARY_SMOKE_SUITE/);
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatch(/not ready for releases: CANARY_FLEET_FILE: .*CANARY_SMOKE_SUITE: /);
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    expect((await get('/metrics')).body).toMatch(/^canary_config_problems [1-9]\d*$/m);
  });

  test('refuses a release, and moves nothing', async () => {
    const before = await gate().latest();
    const { sha } = await gate().greenBuild();
    const { report } = await awaitRunEnd(await gate().release({ sha }));
    expect(report).toMatchObject({ outcome: 'ConfigInvalid', why: expect.stringContaining('CANARY_SMOKE_SUITE') });
    expect(await gate().latest()).toEqual(before);
  });

  test('carries out a rollback', async () => {
    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'checkout fails' }));
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    expect(await gate().latest()).toEqual(digests);
  });
});
