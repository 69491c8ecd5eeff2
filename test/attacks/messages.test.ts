import { randomUUID } from 'node:crypto';
import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';
import { rollbackId, taskQueue, WORKFLOWS, watchProductionId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd, queryStatus, retryLostUpdate } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ada, approveToTheEnd, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { hostileMessages, listedMessages, signalUndecodable } from '../support/hostile.js';
import { laneHandle, laneState } from '../support/lanes.js';
import { catchIn, PATIENT } from '../support/phases.js';
import { startProduction, watchOf } from '../support/production.js';
import { firstRows, fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const production = await startProduction(['acme']);
const registry = await startMemoryRegistry();
const gate = useGate('attack-messages', () => ({
  registry: registry.host,
  env: { ...PATIENT, CANARY_PROD_FLEET_FILE: production.file, CANARY_BAKE: '60s' },
}));
afterAll(() => registry.stop());

const SEED = 20_261_128;
/** Messages of each name. */
const EACH = 25;
const AT_ONCE = 10;

const DIGEST = `sha256:${'a'.repeat(64)}`;
const tenant = { tenant: 'canary-1', build: null, why: 'status 502', silent: true };

/** Messages that a run of this gate may send. */
function valid(sha: string, runId: string): object[] {
  const images = gate().repositories.map((name) => ({ repository: `${gate().host}/${name}`, digest: DIGEST }));
  const run = { workflowId: rollbackId(gate().lane, parseSha(sha)), runId };
  const targets = images.map(({ repository }) => ({ repository, to: DIGEST, from: null }));
  const input = { kind: 'promotion', sha, images: targets, ...ada };
  const results = images.map((image) => ({ ...image, previous: null, result: 'restored', latest: DIGEST }));
  return [
    { ...ada, hold: 'h1-abcdef' },
    { builds: [tenant, { tenant: 'canary-2', build: sha }], from: '2026-11-25T06:00:00.000Z' },
    { fencingToken: 99, superseded: sha },
    { tenants: [{ ...tenant, tenant: 'acme', tookAt: null, live: 'fail', answered: { build: true, live: true } }] },
    { ...run, sha, sequence: 7, manual: true },
    { runId, heldFor: { hold: 'approval', preemptibleAt: 1 } },
    { moverRunId: randomUUID(), parent: run, input, begun: true, latest: images },
    { moverRunId: randomUUID(), parent: run, input, images: results },
    { ...run, ...ada, sha, force: true, images },
    { expectedAt: 1, latest: null, missing: ['gone'] },
    { ...ada, sha, until: '2030-01-01T00:00:00Z', images, sequence: 7 },
  ];
}

/** Sends hostile messages to everything that a run lists; what is refused is refused in words. */
async function bombard(handle: WorkflowHandle, sha: string, runId: string): Promise<number> {
  const { signals, updates } = await listedMessages(handle);
  // An abort that is in order ends the run, as it should.
  const isOrder = (message: unknown) => Object.entries(ada).every(([key]) => String(Object(message)[key] ?? '').trim());
  const messages = (nth: number, name: string) =>
    hostileMessages(valid(sha, runId), EACH, SEED + nth).filter((one) => name !== 'abort' || !isOrder(one));
  let sent = 0;
  for (const [nth, name] of signals.entries()) {
    await signalUndecodable(gate().client, handle, name);
    for (const message of messages(nth, name)) await handle.signal(name, message);
    sent += EACH;
  }
  const update = (name: string) => (message: unknown) =>
    // One that meets the continuation of the lane is lost.
    retryLostUpdate(() => handle.executeUpdate(name, { args: [message] })).catch((error: unknown) => {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    });
  for (const [nth, name] of updates.entries()) {
    const all = messages(100 + nth, name);
    while (all.length > 0) await Promise.all(all.splice(0, AT_ONCE).map(update(name)));
    sent += EACH;
  }
  return sent;
}

describe('hostile messages to everything that a run lists', () => {
  test('break no release: it answers, is aborted, and ends', async () => {
    await gate().begin(newSha());
    const { handle, sha } = await catchIn('awaiting-canary', gate(), registry);
    const { runId } = await handle.describe();
    expect(await bombard(handle, sha, runId)).toBeGreaterThan(100);
    expect(await queryStatus(gate().client, handle.workflowId)).toMatchObject({ phase: 'awaiting-canary' });
    expect(await say(handle, 'abort', ada)).toMatch(/^abort accepted/);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  });

  fullTest(
    'break no lane: it answers, and the next build is promoted',
    async () => {
      const { handle, sha } = await catchIn('awaiting-canary', gate(), registry);
      const { runId } = await handle.describe();
      expect(await bombard(laneHandle(gate()), sha, runId)).toBeGreaterThan(300);
      await say(handle, 'abort', ada).catch(() => undefined);
      await awaitRunEnd(handle);
      expect(Buffer.byteLength(JSON.stringify(await laneState(gate())))).toBeLessThan(256 * 1024);
      await gate().sendToLane('resume', ada);
      await gate().adopt();
      const next = await gate().greenBuild();
      const release = await gate().release({ sha: next.sha, force: true, reason: 'order', sequence: 9 });
      await approveToTheEnd(gate(), release);
      expect((await awaitRunEnd(release)).report).toMatchObject({ outcome: 'promoted' });
      // The lane takes some 400 messages.
    },
    120_000,
  );

  fullTest('break no rollback: it answers, is aborted, and ends', async () => {
    const sha = newSha();
    await gate().publish(sha);
    // It waits in its first phase.
    const heal = registry.faults.add({
      match: ({ path }) => path.includes('/manifests/'),
      respond: () => new Promise(() => undefined),
    });
    const handle = await gate().rollback({ sha, reason: 'it burns' });
    await until('it answers', () => queryStatus(gate().client, handle.workflowId));
    await bombard(handle, sha, handle.firstExecutionRunId);
    expect(await queryStatus(gate().client, handle.workflowId)).toMatchObject({ phase: 'resolving' });
    await say(handle, 'abort', ada).catch(() => undefined);
    heal();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  });

  fullTest('break no watch over production: it answers, is cancelled, and ends', async () => {
    const sha = newSha();
    await gate().client.workflow.start(WORKFLOWS.watch, {
      workflowId: watchProductionId(gate().lane, parseSha(sha)),
      taskQueue: taskQueue(gate().lane),
      args: [{ sha }, { report: { tenants: 7 }, plan: null, seen: 'forged' }],
    });
    const { handle, runId } = await watchOf(gate(), sha);
    await until('it polls', async () => (await handle.query<{ tenants: unknown[] }>('status')).tenants.length > 0);
    await bombard(handle, sha, runId);
    expect(await handle.query('status')).toMatchObject({ outcome: 'watching', tenants: [{ tenant: 'acme' }] });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });
});

describe('a run that was started under an id of another kind ends', () => {
  test.each(
    firstRows(2, [
      ['MoveLatest', 'no-id-of-a-gate'],
      ['MoveLatest', 'attack-messages-canary-release-4c1d56e'],
      ['CheckDrift', 'no-id-of-a-gate'],
      ['CheckDrift', 'attack-messages-move-latest'],
      ['ReleaseLane', 'no-id-of-a-gate'],
      ['ReleaseLane', 'attack-messages-rollback-4c1d56e'],
      ['WatchProduction', 'no-id-of-a-gate'],
      ['CanaryRelease', 'no-id-of-a-gate'],
      ['Rollback', 'no-id-of-a-gate'],
    ]),
  )('%s as %s', async (type, workflowId) => {
    const handle = await gate().client.workflow.start(type, {
      workflowId,
      taskQueue: taskQueue(gate().lane),
      // A valid input, where the type has one.
      args: [{ sha: '4c1d56e', ...(type !== 'WatchProduction' && { reason: 'why not' }) }],
    });
    const why = expect.stringContaining(workflowId);
    expect(await awaitRunEnd(handle)).toMatchObject({ outcome: 'ConfigInvalid', why });
  });
});
