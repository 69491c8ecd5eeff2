import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { watchProductionId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import type { WatchReport } from '../../src/contract/tenants/production.js';
import { parseReleaseInput } from '../../src/domain/inputs.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { type Gate, TOKEN } from './gate.js';
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
