import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { WORKFLOWS, watchProductionId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import type { WatchPlan, WatchReport } from '../../src/contract/tenants/production.js';
import { parseReleaseInput } from '../../src/domain/inputs.js';
import { beginWatch } from '../../src/domain/production-watch.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { type Gate, TOKEN } from './gate.js';
import { startContinued } from './seeds.js';
import { newSha } from './shas.js';
import { until } from './until.js';

/** Starts production tenants with these names, and writes their fleet file. */
export async function startProduction(
  names: string[],
  { tokens = true } = {},
): Promise<{ tenants: Tenant[]; file: string }> {
  const tenants = await Promise.all(names.map((name) => startTenant({ name, token: TOKEN })));
  afterAll(() => Promise.all(tenants.map((tenant) => tenant.stop())));
  return { tenants, file: writeFleet(tenants, { tokens }) };
}

/** Writes a fleet file of these tenants. */
export function writeFleet(tenants: Tenant[], { tokens = true } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'canary-production-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'production.json');
  writeFileSync(join(folder, 'token'), TOKEN);
  const listed = tenants.map(({ name, url }) => ({ name, url, ...(tokens && { token: { file: 'token' } }) }));
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  return file;
}

/** Moves `:latest` to a new build by `canary promote`, which needs no soak. */
export async function moveTo(gate: Gate, sha = newSha(), { isPublished = false } = {}): Promise<string> {
  if (!isPublished) await gate.publish(sha);
  const input = parseReleaseInput({ sha, promoteOnly: true, requestedBy: 'ada', reason: 'for the test' });
  expect((await awaitRunEnd(await gate.release(input))).report).toMatchObject({ outcome: 'promoted' });
  return sha;
}

/** Waits for the watch of the last move to a build, and registers it for replay. */
export async function watchOf(gate: Gate, sha: string, after = '') {
  const workflowId = watchProductionId(gate.lane, parseSha(sha));
  const { runId } = await until(`${workflowId} is there`, async () => {
    const last = await gate.client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null);
    return last && last.runId !== after ? last : null;
  });
  const handle = gate.client.workflow.getHandle(workflowId, runId, { followRuns: false });
  return { runId, handle: gate.keep(Object.assign(handle, { firstExecutionRunId: runId })) };
}

/** Result of the watch of a build. */
export async function watched(gate: Gate, sha: string): Promise<WatchReport> {
  return (await watchOf(gate, sha)).handle.result() as Promise<WatchReport>;
}

/** Starts a watch over production as the run that continues another one does. Its shifts last a second, in place of an hour. */
export async function continuedWatch(gate: Gate, production: Tenant[], sha: string, limits: Partial<WatchPlan>) {
  const started = new Date().toISOString();
  const tenants = production.map(({ name, url: origin }) => ({ name, origin }));
  const waits = { pollMs: 300, bakeMs: 500, graceMs: 1_000, watchMs: 600_000, shiftMs: 1_000, awayMs: 60_000 };
  const plan: WatchPlan = { tenants, buildProbe: [{ path: '/health', field: 'sha' }], ...waits, ...limits };
  const seen = beginWatch(
    production.map(({ name: tenant }) => ({ tenant })),
    Date.now(),
  );
  const report = {
    sha,
    outcome: 'watching',
    why: 'begins',
    propose: null,
    tenants: [],
    bake: null,
    started,
    until: null,
  };
  const workflowId = watchProductionId(gate.lane, parseSha(sha));
  const handle = await startContinued(gate, {
    workflowId,
    workflowType: WORKFLOWS.watch,
    args: [{ sha }, { plan, seen, report }],
    memo: { movedAt: started },
  });
  return { started, first: gate.keep(handle), current: gate.client.workflow.getHandle(workflowId) };
}
