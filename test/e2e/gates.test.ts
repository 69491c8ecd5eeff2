import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDriftId, parseLane, releaseLaneId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { laneCommandSignal } from '../../src/contract/messages.js';
import { createGatesWorker, type GateWorker } from '../../workers/create-worker.js';
import { type Gates, loadGates } from '../../workers/gates.js';
import { canary } from '../support/cli.js';
import { ada } from '../support/decisions.js';
import { type Gate, SHORT_WAITS, TOKEN, useGate, workflowBundle } from '../support/gate.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { pauseRun, unpauseRun } from '../support/stopped.js';
import { until } from '../support/until.js';

const WORKERS = parseLane('shared');
const folder = mkdtempSync(join(tmpdir(), 'canary-gates-'));
const file = join(folder, 'gates.json');
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

/** What the file says of a gate of the tests. */
function entryOf({ env, tenants }: Gate): Record<string, string> {
  const { CANARY_LANE: _, CANARY_ADMIN_TOKENS: __, ...own } = env;
  return { ...own, CANARY_ADMIN_TOKENS_FILE: write('tokens', tenants.map(() => TOKEN).join(',')) };
}
const writeGates = (gates: Record<string, unknown>) => write('gates.json', JSON.stringify({ gates }));

describe('one worker', () => {
  const payments = useGate('shared.payments', () => ({ isIdle: true, tenants: 1 }));
  const search = useGate('shared.search', () => ({ isIdle: true, tenants: 1 }));
  const env = { CANARY_GATES_FILE: file, CANARY_LANE: WORKERS, TEMPORAL_ADDRESS: '' };
  const cli = (gate: string, ...args: string[]) => canary(['--gate', gate, ...args], env);
  let gates: Gates;
  let worker: GateWorker;
  let running: Promise<void>;
  beforeAll(async () => {
    env.TEMPORAL_ADDRESS = temporalAddress();
    writeGates({ payments: entryOf(payments()), search: { ...entryOf(search()), CANARY_SOAK: 'long' } });
    gates = await loadGates(env, 100);
    const temporal = { connection: payments().connection, namespace: 'default' };
    worker = await createGatesWorker(temporal, gates, { workflowBundle: workflowBundle(), waits: SHORT_WAITS });
    running = worker.run();
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await gates.close();
    rmSync(folder, { recursive: true });
  });

  test('releases the build of one gate while the configuration of another is broken', async () => {
    expect(gates.problems()).toEqual([expect.stringMatching(/^gate search: CANARY_SOAK: invalid duration/)]);
    expect(gates.isUnusable()).toBe(false);
    await payments().begin(newSha());
    const { sha, digests } = await payments().greenBuild();
    const { code, err } = await cli('payments', 'release', sha, '--wait');
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(await payments().latest()).toEqual(digests);
  });

  test('takes up a gate once its configuration is right: what waited for it goes on', async () => {
    const before = newSha();
    const was = await search().publish(before);
    await search().retag(before, 'latest');
    // As `canary setup` does: the lane has it before the release asks, and takes it up first.
    const images = search().repositories.map((name, at) => ({
      repository: `${search().host}/${name}`,
      digest: was[at],
    }));
    await search().laneClient.signal(laneCommandSignal('adopt'), { ...ada, sha: before, images });
    const { sha, digests } = await search().greenBuild();
    const release = await search().release({ sha });
    await until('its plan was asked for', async () => {
      const { raw } = await release.describe();
      return (raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure?.message?.startsWith('gate search: '));
    });
    writeGates({ payments: entryOf(payments()), search: entryOf(search()) });
    await until('the file was read again', () => gates.problems().length === 0);
    expect((await release.result()) as object).toMatchObject({ outcome: 'promoted' });
    expect(await search().latest()).toEqual(digests);
  });

  test('shows each gate its own runs, and all gates on one screen', async () => {
    const shown = async (gate: string) => (await cli(gate, 'status')).out.join('\n');
    expect(await shown('payments')).toMatch(/shared\.payments-canary-release/);
    expect(await shown('payments')).not.toMatch(/shared\.search-/);
    const { out } = await canary(['status'], env);
    expect(out).toEqual([
      expect.stringMatching(/^workers {2}\d+@/),
      expect.stringMatching(/^idle {5}payments {2}live [0-9a-f]{40}$/),
      expect.stringMatching(/^idle {5}search {4}live [0-9a-f]{40}$/),
    ]);
    // Of any type: with the lane, all of the gate stands still.
    const lane = releaseLaneId(payments().lane);
    await pauseRun(payments(), lane);
    const stopped = new RegExp(`^STOPPED {2}payments {2}paused in Temporal: ${lane}; live [0-9a-f]{40}$`);
    await until('status tells', async () => stopped.test((await canary(['status'], env)).out[1] ?? ''));
    await unpauseRun(payments(), lane);
    expect(await canary(['queue'], env)).toMatchObject({
      code: 2,
      err: ['canary: --gate is missing: CANARY_GATES_FILE names payments, search'],
    });
  });

  test('finds the drift of every gate in one run', async () => {
    const other = newSha();
    await search().publish(other);
    await search().retag(other, 'latest');
    const { client } = payments();
    const workflowId = `${checkDriftId(WORKERS)}-2026-11-29T00:00:00Z`;
    const check = await client.workflow.start(WORKFLOWS.drift, { workflowId, taskQueue: taskQueue(WORKERS), args: [] });
    expect(await check.result()).toBeNull();
    const { out } = await canary(['status'], env);
    expect(out[1]).toMatch(/^HELD {5}search {4}automatic promotion: /);
    expect(out[2]).toMatch(/^idle {5}payments/);
  });

  test('keeps the gates as they are while the file cannot be used', async () => {
    write('gates.json', '{');
    await until('that is told', () => gates.problems().join().includes('is not JSON'));
    const { sha } = await payments().greenBuild();
    const release = await payments().release({ sha });
    expect((await release.result()) as object).toMatchObject({ outcome: 'promoted' });
  });
});
