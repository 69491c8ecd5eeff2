import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startTenant, type Tenant } from '../../../testbed/tenant.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { TOKEN, useGate } from '../../support/gate.js';
import { firstRows } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-secret-missing-'));
const tokenOf = (name: string) => join(folder, `${name}.token`);
let tenants: Tenant[];
const gate = useGate('secret-missing', async () => {
  tenants = await Promise.all(['blue', 'green'].map((name) => startTenant({ name, token: TOKEN })));
  const listed = ['blue', 'green'].map((name, index) => {
    writeFileSync(tokenOf(name), TOKEN);
    return { name, url: tenants[index]?.url, token: { file: `${name}.token` } };
  });
  const file = join(folder, 'fleet.json');
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  const lists = { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' };
  return {
    tenants: 0,
    env: { ...lists, CANARY_FLEET_FILE: file, CANARY_SOAK_PROBE: '100ms', CANARY_HOLD_TIMEOUT: '20s' },
    retryBudgetMs: { registry: 60_000, secret: 1_000, smoke: 4_000 },
  };
});
afterAll(async () => {
  await Promise.all(tenants.map((tenant) => tenant.stop()));
  rmSync(folder, { recursive: true, force: true });
});
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(() => gate().setLatest(OLD));

const deploy = (sha: string, misbehave = '') => {
  for (const tenant of tenants) tenant.run({ sha, misbehave });
};

describe('a missing secret is retried for its budget, then the release is held; retry continues once it is there', () => {
  test.each(
    firstRows<[string, Record<string, string | undefined>]>(1, [
      ['awaiting-canary', { sha: OLD }],
      ['soaking', { soak: '4s' }],
      ['smoking', { misbehave: 'hang-commit' }],
    ]),
  )('while it is %s', async (phase, { sha: runs, soak = '100ms', misbehave }) => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    deploy(runs ?? sha, misbehave);
    const handle = await gate().release({ sha, soak });
    await until(`it is ${phase}`, async () => (await gate().phase(handle)) === phase);
    rmSync(tokenOf('green'));
    const { id, why } = await heldFor(gate(), handle, 'secret-missing');
    expect(why).toContain('green');
    writeFileSync(tokenOf('green'), TOKEN);
    deploy(sha);
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});
