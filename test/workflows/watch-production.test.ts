import { beforeAll, beforeEach, expect, test } from 'vitest';
import { CanaryOutcome, CanaryPhase, CanarySha, CanaryTenantsRed } from '../../src/contract/search-attributes.js';
import type { WatchReport } from '../../src/contract/tenants/production.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { Tenant } from '../../testbed/tenant.js';
import { canary } from '../support/cli.js';
import { logged, useGate } from '../support/gate.js';
import { moveTo, startProduction, watched, watchOf } from '../support/production.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const WATCH_MS = 6_000;
let production: Tenant[];
const gate = useGate('watch-production', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex', 'initech']);
  production = tenants;
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file, CANARY_UPDATE_CYCLE: '3s' } };
});
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(async () => {
  await gate().adopt();
  for (const tenant of production) tenant.run({ sha: OLD });
});

const run = (sha: string, misbehave = '', tenants = production) => {
  for (const tenant of tenants) tenant.run({ sha, misbehave });
};
const took = ({ started, until: ended }: WatchReport) => Date.parse(ended ?? '') - Date.parse(started);
const alarms = (sha: string) =>
  logged.filter(({ message, meta }) => message === 'alarm' && String(meta?.why).startsWith(sha.slice(0, 7)));

test('production that takes the build ends the watch early, with when each took it', async () => {
  const sha = newSha();
  run(sha);
  await moveTo(gate(), sha);
  const report = await watched(gate(), sha);
  expect(report).toMatchObject({ outcome: 'followed', why: '3 of 3 on it', propose: null });
  expect(report.tenants.map(({ tookAt }) => Date.parse(tookAt ?? '') >= Date.parse(report.started))).toEqual([
    true,
    true,
    true,
  ]);
  expect(took(report)).toBeLessThan(WATCH_MS);
  const line = await until('it is logged', () =>
    logged.find(({ message, meta }) => message === 'production-watched' && meta?.sha === sha),
  );
  expect(line.meta).toMatchObject({ outcome: 'followed', why: '3 of 3 on it' });
  expect(alarms(sha)).toEqual([]);
});

test('production that takes it in part is watched through two update cycles, and the stragglers are named', async () => {
  const sha = await moveTo(gate());
  const { handle } = await watchOf(gate(), sha);
  const live = await until('it tells', async () => {
    const status = await handle.query<WatchReport>('status');
    return status.tenants.length > 0 && status;
  });
  expect(live).toMatchObject({ outcome: 'watching', why: '0 of 3 on it; behind: acme, globex, initech' });
  run(sha, '', production.slice(0, 2));
  const report = await watched(gate(), sha);
  expect(report).toMatchObject({ outcome: 'partly', why: '2 of 3 on it; behind: initech' });
  expect(report.tenants.map(({ tookAt }) => tookAt !== null)).toEqual([true, true, false]);
  expect(took(report)).toBeGreaterThanOrEqual(WATCH_MS);
  const env = { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: gate().lane };
  expect((await canary(['status'], env)).out).toContain('         production: 2 of 3 on it; behind: initech');
  const one = await canary(['status', sha, '--json'], env);
  expect(JSON.parse(one.out[0] ?? '')).toMatchObject({ outcome: 'promoted', production: report.why });
  expect(Date.parse(JSON.parse(one.out[0] ?? '').productionAsOf)).toBeGreaterThanOrEqual(
    Date.parse(report.until ?? ''),
  );
  const words = expect.stringMatching(
    /^ {2}production: 2 of 3 on it; behind: initech \(as of [-0-9]{10} [:0-9]{8} UTC\)$/,
  );
  expect((await canary(['status', sha], env)).out).toContainEqual(words);
  expect((await canary(['report', sha], env)).out.join('\n')).toContain(
    'Production: 2 of 3 on it; behind: initech (as of ',
  );
});

test('a run that no worker answers for has no data in status, even if production is known', async () => {
  const sha = newSha();
  run(sha);
  await moveTo(gate(), sha);
  await watched(gate(), sha);
  await gate().stopWorker();
  const again = await gate().release({ sha });
  const env = { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: gate().lane };
  const { out } = await canary(['status', sha, '--json'], env);
  await gate().startWorker();
  await awaitRunEnd(again);
  expect(JSON.parse(out[0] ?? '')).toBeNull();
});

test('a tenant that fails on it is red: the check is named, an alarm is raised, and a rollback is proposed, not made', async () => {
  const sha = newSha();
  run(sha, '', production.slice(0, 2));
  run(sha, 'empty-subsystems', production.slice(2));
  await moveTo(gate(), sha);
  const latest = await gate().latest();
  const report = await watched(gate(), sha);
  const back = `canary rollback ${report.before?.slice(0, 7)} --reason "…"`;
  const red = 'liveness returns a subsystems map: status 200, at $.subsystems';
  expect(report).toMatchObject({
    outcome: 'red',
    why: `3 of 3 on it; red: initech (${red})`,
    propose: back,
  });
  expect(report.before).not.toBe(sha);
  await until('an alarm is out', () => alarms(sha).length > 0);
  expect(alarms(sha)).toHaveLength(1);
  expect(alarms(sha)[0]?.meta).toMatchObject({ alarm: 'production-red', why: expect.stringContaining(back) });
  expect(await gate().latest()).toEqual(latest);
  const { typedSearchAttributes: attributes } = await (await watchOf(gate(), sha)).handle.describe();
  expect([CanarySha, CanaryPhase, CanaryOutcome].map((key) => attributes.get(key))).toEqual([sha, 'done', 'red']);
  expect(attributes.get(CanaryTenantsRed)).toEqual(['initech']);
});

test('a tenant that fails on the build before is behind, not red', async () => {
  const sha = newSha();
  run(sha, '', production.slice(0, 2));
  run(OLD, 'empty-subsystems', production.slice(2));
  await moveTo(gate(), sha);
  expect(await watched(gate(), sha)).toMatchObject({ outcome: 'partly', why: '2 of 3 on it; behind: initech' });
});

test('a newer promotion, and a rollback, end the older watch', async () => {
  const first = await moveTo(gate());
  const { handle } = await watchOf(gate(), first);
  const second = await moveTo(gate());
  expect(await handle.result()).toMatchObject({
    outcome: 'superseded',
    why: `superseded by a promotion to ${second}; 0 of 3 on it; behind: acme, globex, initech`,
  });
  const older = await watchOf(gate(), second);
  run(first);
  const back = await awaitRunEnd(await gate().rollback({ sha: first, reason: 'for the test', force: true }));
  expect(back.report).toMatchObject({ outcome: 'rolled-back' });
  expect(await older.handle.result()).toMatchObject({ outcome: 'superseded' });
  const again = await watchOf(gate(), first, (await handle.describe()).runId);
  expect(await again.handle.result()).toMatchObject({ outcome: 'followed' });
});
