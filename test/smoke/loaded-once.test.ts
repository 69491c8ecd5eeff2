import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createReleaseActivities } from '../../activities/index.js';
import { loadGateConfig } from '../../src/config/load.js';
import { parseLane, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { startTenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';

const callerAs = (workflowType: string, workflowId: string) => ({
  workflowType,
  workflowExecution: { workflowId, runId: randomUUID() },
});
/** A server that knows every run as one of the gate. */
const clientOf = (caller: () => ReturnType<typeof callerAs>) => ({
  withDeadline: async () => ({ type: caller().workflowType, taskQueue: taskQueue(parseLane('')) }),
});

const TOKEN = 'admin-token';

test('a worker loads the suite module once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-once-'));
  const sha = newSha();
  const tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha } });
  onTestFinished(async () => {
    await tenant.stop();
    rmSync(folder, { recursive: true });
  });
  const [loads, module, fleetFile] = ['loads', 'suite.ts', 'fleet.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(fleetFile, JSON.stringify({ tenants: [{ url: tenant.url, token: { env: 'ONCE_TOKEN' } }] }));
  writeFileSync(
    module,
    `import { appendFileSync } from 'node:fs';
     import { defaultSuite } from '@canary-release-gate/canary/smoke';
     appendFileSync(${JSON.stringify(loads)}, 'loaded ');
     export default [defaultSuite[0]];`,
  );
  const gate = await loadGateConfig({
    CANARY_IMAGES: 'ghcr.io/acme/platform',
    CANARY_SMOKE_SUITE: module,
    CANARY_FLEET_FILE: fleetFile,
    CANARY_PROD_FLEET_FILE: fleetFile,
    ONCE_TOKEN: TOKEN,
  });
  const retryBudgetMs = { registry: 0, secret: 0, smoke: 0 };
  const lane = { state: async () => undefined };
  const client = clientOf(() => caller);
  const waits = { surpriseMs: 0 };
  const dependencies = { ...gate, retryBudgetMs, waits, lane, client, stopping: new AbortController().signal };
  const activities = createReleaseActivities(dependencies as never);
  let caller = callerAs(WORKFLOWS.release, `canary-release-${sha.slice(0, 7)}`);
  const run = <A extends unknown[], T>(activity: (...args: A) => Promise<T>, ...args: A): Promise<T> =>
    new MockActivityEnvironment(caller).run(activity as never, ...(args as unknown as never[]));

  const plan = await run(activities.loadPlan, { sha: parseSha(sha) });
  for (const one of plan.tenants)
    expect((await run(activities.smokeTenant, one, 0, null)).checks).toMatchObject([{ verdict: 'pass' }]);
  caller = callerAs(WORKFLOWS.watch, `watch-production-${sha.slice(0, 7)}`);
  const input = { sha: parseSha(sha), movedAt: new Date().toISOString() };
  const { plan: watch, seen } = await run(activities.loadWatchPlan, input);
  const watched = await run(activities.watchProduction, input, { ...watch, bakeMs: 0 }, seen);
  expect(watched.seen.tenants).toMatchObject([{ live: 'pass' }]);
  expect(readFileSync(loads, 'utf8')).toBe('loaded ');
});
