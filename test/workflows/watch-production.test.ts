import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { taskQueue, watchProductionId } from '../../src/contract/ids.js';
import { CanaryOutcome, CanaryPhase, CanarySha, CanaryTenantsRed } from '../../src/contract/search-attributes.js';
import { parseSha } from '../../src/contract/sha.js';
import type { WatchPlan, WatchReport } from '../../src/contract/tenants/production.js';
import { maxGapMs } from '../../src/domain/fleet-watch.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { Tenant } from '../../testbed/tenant.js';
import { canary } from '../support/cli.js';
import { logged, useGate } from '../support/gate.js';
import { continuedWatch, moveTo, startProduction, watched, watchOf, writeFleet } from '../support/production.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { told } from '../support/stopped.js';
import { until } from '../support/until.js';

const BAKE_MS = 2_000;
/** Two update cycles and two bakes. */
const WATCH_MS = 7_000;
let production: Tenant[];
/** Fleet file without the third of them. */
let shorterFleet: string;
const gate = useGate('watch-production', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex', 'initech']);
  production = tenants;
  shorterFleet = writeFleet(tenants.slice(0, 2));
  const short = { CANARY_UPDATE_CYCLE: '1500ms', CANARY_BAKE: '2s', CANARY_POLL: '300ms', CANARY_RESTART_GRACE: '1s' };
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file, ...short } };
});
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(async () => {
  await gate().adopt();
  for (const tenant of production) {
    await tenant.recover();
    tenant.run({ sha: OLD });
  }
});

const run = (sha: string, misbehave = '', tenants = production) => {
  for (const tenant of tenants) tenant.run({ sha, misbehave });
};
const took = ({ started, until: ended }: WatchReport) => Date.parse(ended ?? '') - Date.parse(started);
const alarms = (sha: string) =>
  logged.filter(({ message, meta }) => message === 'alarm' && String(meta?.why).startsWith(sha.slice(0, 7)));

fullTest(
  'production that takes the build is followed after the bake, with when each took it and how it was watched',
  async () => {
    const sha = newSha();
    run(sha);
    await moveTo(gate(), sha);
    const report = await watched(gate(), sha);
    const why = expect.stringMatching(/^3 of 3 on it for \ds$/);
    expect(report).toMatchObject({ outcome: 'followed', why, propose: null });
    expect(report.tenants.map(({ tookAt }) => Date.parse(tookAt ?? '') >= Date.parse(report.started))).toEqual([
      true,
      true,
      true,
    ]);
    expect(Date.parse(report.bake?.to ?? '') - Date.parse(report.bake?.from ?? '')).toBeGreaterThanOrEqual(BAKE_MS);
    expect(report.bake?.longestGapMs).toBeLessThan(2_000);
    const line = await until('it is logged', () =>
      logged.find(({ message, meta }) => message === 'production-watched' && meta?.sha === sha),
    );
    expect(line.meta).toMatchObject({ outcome: 'followed', why });
    expect(alarms(sha)).toEqual([]);
  },
);

fullTest('production that takes it in part is watched to its bound, and the stragglers are named', async () => {
  const sha = await moveTo(gate());
  const { handle } = await watchOf(gate(), sha);
  const live = await until('it tells', async () => {
    const status = await handle.query<WatchReport>('status');
    return status.tenants.every(({ why }) => why !== 'not asked yet') && status.tenants.length > 0 && status;
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

fullTest('a run that no worker answers for has no data in status, even if production is known', async () => {
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
  const back = `canary rollback ${report.before?.slice(0, 7)} --reason "${sha.slice(0, 7)} is red in production"`;
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
  const env = { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: gate().lane };
  const { out } = await canary(['status'], env);
  expect(out.slice(0, 2)).toEqual([`ALARM    production is red: ${report.why}`, `         ${back}`]);
  expect((await canary(['status', sha], env)).out).toContain(`  ${back}`);
  expect((await canary(['report', sha], env)).out.join('\n')).toContain(`\n\nTo go back: \`${back}\``);
});

fullTest('a tenant that takes it and stops answering is red, also once it answers again', async () => {
  const sha = await moveTo(gate());
  const { handle } = await watchOf(gate(), sha);
  await until('it was asked', async () => (await handle.query<WatchReport>('status')).tenants.length > 0);
  run(sha, '', production.slice(0, 2));
  await production[2]?.crash();
  const line = await until('an alarm is out', () => alarms(sha)[0]);
  run(sha, '', production.slice(2));
  await production[2]?.recover();
  const report = await watched(gate(), sha);
  const red = expect.stringMatching(/^no answer for \ds: \/health: ECONNREFUSED/);
  expect(report).toMatchObject({
    outcome: 'red',
    tenants: [{}, {}, { tenant: 'initech', build: sha.slice(0, 7), red }],
  });
  expect(line.meta).toMatchObject({ why: expect.stringContaining(report.propose ?? 'nothing') });
  expect(alarms(sha)).toHaveLength(1);
});

fullTest(
  'a tenant that answered in the watch before and is down from the start is red; in the next watch it is silent',
  async () => {
    const [first, second, third] = [newSha(), newSha(), newSha()];
    run(first);
    await moveTo(gate(), first);
    await watched(gate(), first);
    await production[2]?.crash();
    await moveTo(gate(), second);
    await until('an alarm is out', () => alarms(second).length > 0);
    run(third, '', production.slice(0, 2));
    await moveTo(gate(), third);
    expect(await watched(gate(), second)).toMatchObject({ outcome: 'superseded', tenants: [{}, {}, { tookAt: null }] });
    expect(await watched(gate(), third)).toMatchObject({ outcome: 'partly', why: '2 of 3 on it; silent: initech' });
    expect(alarms(third)).toEqual([]);
  },
);

/** Restarts the worker with another production fleet file, for this test. */
async function useProduction(file: string) {
  await gate().stopWorker();
  await gate().startWorker({ ...gate().env, CANARY_PROD_FLEET_FILE: file });
  onTestFinished(async () => {
    await gate().stopWorker();
    await gate().startWorker();
  });
}

fullTest('a fleet without tokens is watched: builds and the check that needs none', async () => {
  const tokenless = await startProduction(['umbrella'], { tokens: false });
  await useProduction(tokenless.file);
  const sha = newSha();
  run(sha, '', tokenless.tenants);
  await moveTo(gate(), sha);
  expect(await watched(gate(), sha)).toMatchObject({ outcome: 'followed' });
  const requests = tokenless.tenants.flatMap((tenant) => tenant.requests);
  expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(['/health', '/admin/liveness']));
  expect(requests.filter(({ authorized }) => authorized)).toEqual([]);
});

fullTest('a worker that is away in the bake loses nothing that was seen, and its absence is no proof', async () => {
  const sha = newSha();
  run(sha);
  await moveTo(gate(), sha);
  const { handle } = await watchOf(gate(), sha);
  await until('it bakes', async () => (await handle.query<WatchReport>('status')).bakingSince !== null);
  await gate().stopWorker();
  const away = Date.now();
  await sleep(maxGapMs(300));
  const back = Date.now();
  await gate().startWorker();
  const report = await watched(gate(), sha);
  expect(report).toMatchObject({ outcome: 'followed' });
  expect(Date.parse(report.bake?.from ?? '')).toBeGreaterThanOrEqual(back);
  for (const { tookAt } of report.tenants) expect(Date.parse(tookAt ?? '')).toBeLessThan(away);
});

fullTest(
  'a watch goes on from what it has seen after a worker without the fleet, and without a tenant that has left it',
  async () => {
    const sha = newSha();
    run(sha, '', production.slice(0, 2));
    await moveTo(gate(), sha);
    const { handle } = await watchOf(gate(), sha);
    const took = await until('two have taken it', async () => {
      const { tenants } = await handle.query<WatchReport>('status');
      const times = tenants.flatMap(({ tookAt }) => tookAt ?? []);
      return times.length === 2 && times;
    });
    await useProduction('');
    await until('that worker has tried', async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.some((one) => one.lastFailure?.applicationFailureInfo?.type === 'SecretMissing');
    });
    await useProduction(shorterFleet);
    const report = await watched(gate(), sha);
    expect(report).toMatchObject({
      outcome: 'followed',
      why: expect.stringMatching(/^2 of 2 on it for \ds; no longer in the fleet: initech$/),
    });
    expect(report.tenants.map(({ tookAt }) => tookAt)).toEqual(took);
  },
);

const continueWatch = (sha: string, limits: Partial<WatchPlan>) =>
  continuedWatch(gate(), production, sha, { bakeMs: BAKE_MS, watchMs: WATCH_MS, ...limits });

fullTest('a watch that continues as new keeps what it has seen', async () => {
  const sha = newSha();
  run(sha, '', production.slice(0, 2));
  const { started, first, current } = await continueWatch(sha, {});
  const { tookAt } = await until('a tenant has taken it', async () => {
    const [acme] = (await first.query<WatchReport>('status')).tenants;
    return acme?.tookAt ? acme : null;
  });
  await until('it has continued', async () => (await current.describe()).runId !== first.firstExecutionRunId);
  run(sha);
  const result = (await first.result()) as WatchReport;
  expect(result).toMatchObject({ outcome: 'followed', started, tenants: [{ tookAt }, {}, {}] });
  expect((await current.describe()).memo).toEqual({ movedAt: started });
});

fullTest('a watch that no worker can carry out ends as partly, and says why', async () => {
  await useProduction('');
  const { first } = await continueWatch(newSha(), { awayMs: -59_000 });
  const why = /^not watched to its end \(this worker has no .* CANARY_PROD_FLEET_FILE is not set\); 0 of 3 on it/;
  expect(await first.result()).toMatchObject({ outcome: 'partly', why: expect.stringMatching(why), bake: null });
});

fullTest('a tenant that fails on the build before is behind, not red', async () => {
  const sha = newSha();
  run(sha, '', production.slice(0, 2));
  run(OLD, 'empty-subsystems', production.slice(2));
  await moveTo(gate(), sha);
  expect(await watched(gate(), sha)).toMatchObject({ outcome: 'partly', why: '2 of 3 on it; behind: initech' });
});

test('a watch that a person deleted is told by status and doctor, with the command that starts another one', async () => {
  const sha = newSha();
  await moveTo(gate(), sha);
  const { client, lane } = gate();
  const workflowId = watchProductionId(lane, parseSha(sha));
  const isThere = () =>
    client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null);
  await until('it watches', isThere);
  await client.workflowService.deleteWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
  });
  await until('it is gone', async () => (await isThere()) === null);
  // Records what the lane knows, as the end of the move does some seconds later.
  for (const command of ['pause', 'resume'] as const)
    await gate().sendToLane(command, { by: 'the test', reason: 'to record' });
  const { status, doctor } = await told(gate());
  const line = status.findIndex((one) => one.startsWith(`STOPPED  ${workflowId} was started at `));
  expect(status[line]).toContain(`is not on the server: deleted before its time`);
  expect(status[line + 1]).toContain(`temporal workflow start --type WatchProduction --task-queue ${taskQueue(lane)}`);
  expect(doctor).toContainEqual(expect.stringMatching(`^WARNING  runs {6}${workflowId} was started at `));
});

fullTest('a newer promotion, and a rollback, end the older watch', async () => {
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
