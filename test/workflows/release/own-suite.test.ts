import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, describe, expect, test } from 'vitest';
import type { ReleaseReport } from '../../../src/contract/release.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { type SinkServer, startSinkServer } from '../../../testbed/sink-server.js';
import { repositoryRoot } from '../../../testbed/tools.js';
import { startWorkspaceTenant } from '../../../testbed/workspace-tenant.js';
import { useGate } from '../../support/gate.js';
import { fullDescribe } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-own-suite-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The suite of workspaces, a query over the soak, and a command and a comparison that are only observed. */
const suiteOf = (prometheus: string) => `
import { command, drift, prometheus } from '@canary-release-gate/canary/smoke';
import workspaces from ${JSON.stringify(join(repositoryRoot, 'examples', 'suites', 'workspaces.ts'))};
const asked = { url: ${JSON.stringify(prometheus)}, token: { file: 'token-of-prometheus' }, query: 'errors{tenant="{tenant}"}' };
export default [
  ...workspaces,
  prometheus('few requests fail', 'the soak is quiet', { ...asked, is: { atMost: 0.5 }, step: '1s', samples: 1 }),
  command('a look', 'nothing', { run: ['sh', '-c', 'exit 1'], observe: true }),
  drift('as production', 'nothing', { read: [{ path: '/admin/liveness', keys: ['subsystems'] }] }),
];
`;

/** Answers as a Prometheus with a sample at the begin of the range. */
const answerOf = ({ path }: { path: string }) => {
  const start = Number(new URL(path, 'http://a').searchParams.get('start'));
  const result = [{ metric: {}, values: [[start, '0.25']] }];
  const body = JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
};

fullDescribe('tenants of a fleet file, with a header each and a suite of their own', () => {
  const sha = newSha();
  let prometheus: SinkServer;
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
    prometheus = await startSinkServer();
    prometheus.answer = answerOf;
    const CANARY_SMOKE_SUITE = join(folder, 'suite.ts');
    writeFileSync(CANARY_SMOKE_SUITE, suiteOf(prometheus.url));
    writeFileSync(join(folder, 'token-of-prometheus'), 'prometheus-token\n');
    const env = { ...lists, CANARY_FLEET_FILE: file, CANARY_SMOKE_SUITE, OWN_SUITE_ORG: 'org-secret' };
    return { tenants: 0, env: { ...env, CANARY_SOAK: '1s' } };
  });
  afterAll(() => Promise.all([tenant.stop(), prometheus.stop()]));

  test('a build is promoted, nothing is left behind, and no secret is in its history', async () => {
    await gate().begin(newSha());
    const digests = await gate().publish(sha);
    const handle = await gate().release({ sha });
    const end = await awaitRunEnd(handle);
    expect(end.report).toMatchObject({ outcome: 'promoted', tenants: [{ tenant: 'eu' }] });
    const [eu] = (end.report as ReleaseReport | null)?.tenants ?? [];
    expect(eu?.checks.at(-1)).toMatchObject({ verdict: 'pass', measured: '0.25, 1 samples' });
    expect(eu?.observed).toMatchObject([
      { check: 'a look', verdict: 'fail' },
      { kind: 'drift', got: 'names in subsystems not known, there is no other tenant to compare with' },
    ]);
    expect(prometheus.requests[0]?.headers.authorization).toBe('Bearer prometheus-token');
    expect(await gate().latest()).toEqual(digests);
    expect({ left: tenant.workspaces(), unforeseen: tenant.unforeseen }).toEqual({ left: [], unforeseen: [] });
    const history = historyToJSON(await handle.fetchHistory());
    const texts = [...history.matchAll(/"data":\s*"([^"]*)"/g)].map(([, text]) =>
      Buffer.from(text ?? '', 'base64').toString(),
    );
    expect(texts.join()).toContain('memory search finds the probe');
    expect(texts.join()).not.toMatch(/fleet-token|org-secret|prometheus-token/);
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
