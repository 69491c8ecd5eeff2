import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startWorkspaceTenant } from '../../../testbed/workspace-tenant.js';
import { useGate } from '../../support/gate.js';
import { newSha } from '../../support/shas.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-own-suite-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tenants of a fleet file, with a header each and a suite of their own', () => {
  const sha = newSha();
  let tenant: Awaited<ReturnType<typeof startWorkspaceTenant>>;
  const gate = useGate('own-suite', async () => {
    tenant = await startWorkspaceTenant({ token: 'fleet-token', org: 'org-secret', sha });
    const file = join(folder, 'fleet.json');
    writeFileSync(join(folder, 'token'), 'fleet-token\n');
    const headers = { 'X-Molecule-Org-Id': { env: 'OWN_SUITE_ORG' } };
    writeFileSync(
      file,
      JSON.stringify({ tenants: [{ name: 'eu', url: tenant.url, token: { file: 'token' }, headers }] }),
    );
    const lists = { CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' };
    const CANARY_SMOKE_SUITE = 'examples/suites/workspaces.ts';
    return { tenants: 0, env: { ...lists, CANARY_FLEET_FILE: file, CANARY_SMOKE_SUITE, OWN_SUITE_ORG: 'org-secret' } };
  });
  afterAll(() => tenant.stop());

  test('a build is promoted, nothing is left behind, and no secret is in its history', async () => {
    await gate().begin(newSha());
    const digests = await gate().publish(sha);
    const handle = await gate().release({ sha });
    const end = await awaitRunEnd(handle);
    expect(end.report).toMatchObject({ outcome: 'promoted', tenants: [{ tenant: 'eu' }] });
    expect(await gate().latest()).toEqual(digests);
    expect({ left: tenant.workspaces(), unforeseen: tenant.unforeseen }).toEqual({ left: [], unforeseen: [] });
    const history = historyToJSON(await handle.fetchHistory());
    const texts = [...history.matchAll(/"data":\s*"([^"]*)"/g)].map(([, text]) =>
      Buffer.from(text ?? '', 'base64').toString(),
    );
    expect(texts.join()).toContain('memory search finds the probe');
    expect(texts.join()).not.toMatch(/fleet-token|org-secret/);
  });
});

describe('tenants that cannot tell their build', () => {
  const gate = useGate('no-probe', () => ({
    tenants: 1,
    env: { CANARY_BUILD_PROBE: 'none', CANARY_UPDATE_TIMEOUT: '1h' },
  }));

  test('are not waited for, and an unconfirmed build is not promoted', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const end = await awaitRunEnd(await gate().release({ sha }));
    expect(end.report).toMatchObject({
      outcome: 'CanaryHoldExpired',
      why: expect.stringMatching(
        /^build-unreported: canary-1 reports no build \(build not confirmed: no build probe configured\)/,
      ),
    });
    expect(await gate().latest()).toEqual([undefined, undefined]);
  });
});
