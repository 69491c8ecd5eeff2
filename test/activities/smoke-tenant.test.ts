import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, expect, test } from 'vitest';
import { createTenantActivities, type FleetBuilds } from '../../activities/tenants.js';
import { loadGateConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import type { TenantSmoke } from '../../src/contract/tenants/check.js';
import { emptyLane } from '../../src/lane/state.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { newSha } from '../support/shas.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-smoke-tenant-'));
const servers = [await startSinkServer(), await startSinkServer(), await startSinkServer()];
afterAll(async () => {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a tenant is not compared with a canary tenant that the lane has in quarantine', async () => {
  const answerOf = (version: string) => () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ version }),
  });
  const tenants = servers.map((server, index) => {
    server.answer = answerOf(index === 2 ? '1.9' : '2.1');
    return { name: `canary-${index + 1}`, url: server.url, token: { file: 'token' } };
  });
  writeFileSync(join(folder, 'token'), 'the-token-of-all');
  writeFileSync(join(folder, 'fleet.json'), JSON.stringify({ tenants }));
  writeFileSync(
    join(folder, 'suite.mjs'),
    `import { drift } from '@canary-release-gate/canary/smoke';
export default [
  { name: 'it answers', proves: 'it is there', steps: [{ request: { method: 'GET', path: '/ok', as: 'none' }, answer: { status: 200 } }] },
  drift('alike', 'tenants are configured alike', { read: [{ path: '/config', values: ['version'] }] }),
];`,
  );
  const env = { CANARY_FLEET_FILE: join(folder, 'fleet.json'), CANARY_SMOKE_SUITE: join(folder, 'suite.mjs') };
  const { config, suite } = await loadGateConfig(env, 'smoke');
  const state = emptyLane();
  const lane = { state: async () => state };
  const { smokeTenant } = createTenantActivities({ config, client: {}, suite, lane } as never);
  const smoked = async () => {
    const tenant = { name: 'canary-1', origin: servers[0]?.url };
    const result = await new MockActivityEnvironment().run(smokeTenant as never, tenant, 1_000, null);
    return (result as TenantSmoke).observed;
  };
  expect(await smoked()).toMatchObject([{ measured: 'not as on 1 of 2 canary tenants: version' }]);
  const until = new Date(Date.now() + 60_000).toISOString();
  state.ledger.quarantines = [{ tenant: 'canary-3', by: 'ada', why: 'sick', since: until, until }];
  expect(await smoked()).toMatchObject([{ measured: 'the same as on 1 canary tenant' }]);
});

test('a tenant without a build probe is said to be unwatched if the suite has no check to watch it by', async () => {
  const suiteOf = (more: object) =>
    `export default [${JSON.stringify({ name: 'it answers', proves: 'it is there', steps: [{ request: { method: 'GET', path: '/ok', as: 'none' }, answer: { status: 200 } }], ...more })}];`;
  writeFileSync(join(folder, 'token'), 'the-token-of-all');
  const tenants = [{ url: servers[0]?.url, token: { file: 'token' }, buildProbe: 'none' }];
  writeFileSync(join(folder, 'fleet.json'), JSON.stringify({ tenants }));
  const whyOf = async (more: object) => {
    const file = join(folder, `suite-${Object.keys(more).length}.mjs`);
    writeFileSync(file, suiteOf(more));
    const env = { CANARY_FLEET_FILE: join(folder, 'fleet.json'), CANARY_SMOKE_SUITE: file };
    const { config, suite } = await loadGateConfig(env, 'smoke');
    const lane = { state: async () => null };
    const stopping = new AbortController().signal;
    const { awaitBuild } = createTenantActivities({ config, client: {}, suite, lane, stopping } as never);
    const plan = await planRelease(config, {});
    const seen = await new MockActivityEnvironment().run(awaitBuild as never, newSha(), plan, Date.now() + 60_000);
    return (seen as FleetBuilds).builds[0]?.why;
  };
  expect(await whyOf({})).toBe('build not confirmed: no build probe configured');
  expect(await whyOf({ writes: true })).toBe(
    'build not confirmed: no build probe configured, and not watched: the suite has no read-only check',
  );
});
