import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { taskQueue, WORKFLOWS, watchProductionId } from '../../src/contract/ids.js';
import { productionQuery } from '../../src/contract/messages.js';
import { parseSha } from '../../src/contract/sha.js';
import { startControlPlane } from '../../testbed/control-plane.js';
import type { Tenant } from '../../testbed/tenant.js';
import { logged, useGate } from '../support/gate.js';
import { moveTo, startProduction, watched, watchOf } from '../support/production.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const ROUTE = 'POST /cp/admin/tenants/redeploy-fleet';
let production: Tenant[] = [];
let fleetFile = '';
/** Build that is live or next, by its tag. */
const shas = new Map<string, string>();
/** How long the control plane is at work. */
let atWork: Promise<void> = Promise.resolve();
const server = await startControlPlane({
  adminToken: 'hush-admin',
  async redeploy({ target_tag: tag }) {
    await atWork;
    for (const tenant of production) tenant.run({ sha: shas.get(String(tag)) ?? '' });
    return production.map(({ name }) => name);
  },
});
afterAll(() => server.stop());

const OLD = newSha();
const gate = useGate('delivery', async () => {
  const { tenants, file } = await startProduction(['acme', 'globex']);
  production = tenants;
  fleetFile = file;
  return {
    tenants: 0,
    env: {
      CANARY_PROD_FLEET_FILE: file,
      CANARY_UPDATE_CYCLE: '1s',
      CANARY_POLL: '100ms',
      CANARY_CP_BASE_URL: server.url,
      CANARY_CP_ADMIN_TOKEN: 'hush-admin',
      CANARY_DELIVERY: 'control-plane',
      CANARY_DELIVERY_CANARY: 'acme',
      CANARY_DELIVERY_SOAK: '90s',
    },
  };
});
beforeAll(() => gate().begin(OLD));
beforeEach(() => {
  for (const tenant of production) tenant.run({ sha: OLD });
});
const next = () => {
  const sha = newSha();
  shas.set(`staging-${sha.slice(0, 7)}`, sha);
  return sha;
};

test('a promoted build is taken to production by the control plane, once, and its watch says so', async () => {
  const sha = await moveTo(gate(), next());
  const report = await watched(gate(), sha);
  expect(report).toMatchObject({
    outcome: 'followed',
    delivery: 'delivered: the control plane redeployed 2 tenants, acme first',
    why: expect.stringMatching(/^2 of 2 on it for .*; delivered: the control plane redeployed 2 tenants, acme first$/),
  });
  const orders = server.requests.filter(({ route }) => route === ROUTE).map(({ body }) => body);
  const target_tag = `staging-${sha.slice(0, 7)}`;
  expect(orders).toEqual([
    { target_tag, canary_slug: 'acme', soak_seconds: 90, batch_size: 3, dry_run: false, confirm: true },
  ]);
});

fullTest('a delivery that fails raises an alarm with the tenants, and the watch goes on', async () => {
  const results = [
    { slug: 'acme', phase: 'canary', ssm_status: 'Success', ssm_exit_code: 0, healthz_ok: true, error: '' },
    { slug: 'globex', phase: 'batch-1', ssm_status: 'Failed', ssm_exit_code: 1, healthz_ok: false, error: 'no disk' },
  ];
  server.answerNext(ROUTE, { status: 200, body: { ok: false, results } });
  const sha = await moveTo(gate(), next());
  const report = await watched(gate(), sha);
  const why = 'the control plane redeployed not all tenants: globex in batch-1: no disk';
  expect(report).toMatchObject({ outcome: 'partly', delivery: `NOT DELIVERED: ${why}` });
  const line = await until('the alarm is logged', () =>
    logged.find(({ message, meta }) => message === 'alarm' && meta?.alarm === 'not-delivered'),
  );
  expect(line.meta?.why).toBe(`${sha.slice(0, 7)}: ${why}`);
});

fullTest(
  'production is watched for as long as the control plane is at work, and then until it has the build',
  async () => {
    let ends: () => void = () => undefined;
    atWork = new Promise((resolve) => {
      ends = resolve;
    });
    const sha = await moveTo(gate(), next());
    const { handle } = await watchOf(gate(), sha);
    const report = () => handle.query(productionQuery);
    const { until: first } = await until('the watch has a bound', async () => {
      const now = await report();
      return now.until === null ? null : now;
    });
    await until('the bound has passed, and another one is set', async () => (await report()).until !== first);
    expect(await report()).toMatchObject({ outcome: 'watching' });
    ends();
    expect(await handle.result()).toMatchObject({ outcome: 'followed', delivery: expect.stringMatching(/^delivered/) });
  },
);

fullTest('a watch that a person starts with the input of that of a move orders nothing', async () => {
  const sha = await moveTo(gate(), next());
  const { runId } = await watchOf(gate(), sha);
  const { movedAt } = await watched(gate(), sha);
  const orders = server.calls(ROUTE);
  await gate().client.workflow.start(WORKFLOWS.watch, {
    workflowId: watchProductionId(gate().lane, parseSha(sha)),
    taskQueue: taskQueue(gate().lane),
    args: [{ sha, movedAt }],
  });
  const { handle } = await watchOf(gate(), sha, runId);
  expect(await handle.result()).toMatchObject({ outcome: 'followed' });
  expect(await handle.result()).not.toHaveProperty('delivery');
  expect(server.calls(ROUTE)).toBe(orders);
});

test('a move that is neither watched nor delivered, because the production fleet cannot be read, raises an alarm', async () => {
  const [fleet, orders] = [readFileSync(fleetFile, 'utf8'), server.calls(ROUTE)];
  writeFileSync(fleetFile, '{ "tenants": [');
  const sha = await moveTo(gate(), next());
  const { handle } = await watchOf(gate(), sha);
  await expect(handle.result()).rejects.toThrow();
  writeFileSync(fleetFile, fleet);
  const line = await until('the alarm is logged', () =>
    logged.find(({ message, meta }) => message === 'alarm' && meta?.alarm === 'production-unwatched'),
  );
  expect(line.meta?.why).toMatch(
    new RegExp(`^${sha.slice(0, 7)}: .*CANARY_PROD_FLEET_FILE: .*have it redeploy by hand`),
  );
  expect(server.calls(ROUTE)).toBe(orders);
});
