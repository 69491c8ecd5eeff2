import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type RunningProcess, startProcess } from '../../testbed/process.js';
import type { RegistryRequest } from '../../testbed/registry-store.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let registry: MemoryRegistry;
const gate = useGate('dies', async () => {
  registry = await startMemoryRegistry();
  return { registry: registry.host };
});
const folder = mkdtempSync(join(tmpdir(), 'canary-mover-'));
let victims: RunningProcess[] = [];
afterEach(async () => {
  for (const victim of victims) await victim.kill('SIGKILL');
  victims = [];
});
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
});

const OLD = newSha();
let old: string[];
beforeEach(async () => {
  old = await gate().publish(OLD);
  await gate().setLatest(OLD);
});

let count = 0;
/** A worker process that shall come to harm. No other is up when it starts. */
async function startVictim(env: Record<string, string> = {}): Promise<RunningProcess> {
  await gate().stopWorker();
  const worker = await startProcess(process.execPath, [join(repositoryRoot, 'test/support/freezing-worker.mjs')], {
    env: {
      PATH: process.env.PATH,
      TEMPORAL_ADDRESS: inject('temporal'),
      MOVE_WAITS: JSON.stringify(gate().waits),
      ...gate().env,
      ...env,
    },
    logFile: join(folder, `worker-${++count}.log`),
    ready: (output) => output.includes('worker.started'),
    timeoutMs: 20_000,
  });
  victims.push(worker);
  return worker;
}

const isPut = ({ method, path }: RegistryRequest) => method === 'PUT' && path.endsWith('/manifests/latest');
const puts = () => registry.requests.filter(isPut).length;
const isStopped = (pid: number) => /^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

async function greenBuild() {
  const sha = newSha();
  const digests = await gate().publish(sha);
  gate().deploy({ sha });
  return { sha, digests };
}

describe('a worker that is frozen', () => {
  test('between the yes and the write moves nothing when it wakes up after a rollback', async () => {
    const { sha, digests } = await greenBuild();
    const frozen = await startVictim({ FREEZE: 'yes' });
    const handle = await gate().release({ sha });
    await until('it is frozen', () => isStopped(frozen.pid), 30_000);
    expect(await gate().latest()).toEqual(old);

    await gate().startWorker();
    expect((await runEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    expect((await runEnd(await gate().rollback({ sha: OLD, reason: 'it burns' }))).report).toMatchObject({
      outcome: 'rolled-back',
    });

    await wakeUp(frozen);
    expect(await gate().latest()).toEqual(old);
  }, 90_000);

  test('between the write and its end repeats nothing when it wakes up after a rollback', async () => {
    const { sha, digests } = await greenBuild();
    const frozen = await startVictim();
    const heal = registry.faults.add({
      match: isPut,
      times: 2,
      respond: (_request, serve) => {
        const answer = serve();
        process.kill(frozen.pid, 'SIGSTOP');
        return answer;
      },
    });
    const handle = await gate().release({ sha });
    await until('it is frozen', () => isStopped(frozen.pid), 30_000);
    heal();

    await gate().startWorker();
    expect((await runEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      images: old.map((previous) => ({ previous })),
    });
    expect(await gate().latest()).toEqual(digests);
    expect((await runEnd(await gate().rollback({ sha: OLD, reason: 'it burns' }))).report).toMatchObject({
      outcome: 'rolled-back',
    });

    await wakeUp(frozen);
    expect(await gate().latest()).toEqual(old);
  }, 90_000);

  /** Wakes it and waits until it has looked around: from then on it could write. */
  async function wakeUp(frozen: RunningProcess): Promise<void> {
    const [requests, written] = [registry.requests.length, puts()];
    process.kill(frozen.pid, 'SIGCONT');
    // It ends its own activity one way or another, and then polls for more: its log shows a completion that nobody wants any more.
    await until(
      'it has looked where :latest stands',
      () => registry.requests.length > requests || !isStopped(frozen.pid),
    );
    await frozen.stop();
    expect(puts()).toBe(written);
  }
});

describe('a worker that is killed', () => {
  test.each([
    ['before the first write is taken', false],
    ['after the first write was taken', true],
  ])(
    '%s: the next one finishes the pair',
    async (_when, taken) => {
      const { sha, digests } = await greenBuild();
      const victim = await startVictim();
      const heal = registry.faults.add({
        match: isPut,
        times: 1,
        respond: async (_request, serve) => {
          if (taken) serve();
          await victim.kill('SIGKILL');
          return 'drop' as const;
        },
      });
      const handle = await gate().release({ sha });
      await until('it is dead', () => !registry.faults || puts() > 0, 30_000);
      await gate().startWorker();

      expect((await runEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        images: old.map((previous) => ({ previous })),
      });
      heal();
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );

  test('in mid-pair, its release being terminated too: the pair is whole all the same', async () => {
    const { sha } = await greenBuild();
    const victim = await startVictim();
    let seen = 0;
    const heal = registry.faults.add({
      match: isPut,
      times: 2,
      respond: async (_request, serve) => {
        if (seen++ > 0) return 'drop' as const;
        const answer = serve();
        await handle.terminate('by the test');
        await victim.kill('SIGKILL');
        return answer;
      },
    });
    const handle = await gate().release({ sha });
    await runEnd(handle);
    await gate().startWorker();
    await gate()
      .client.workflow.getHandle('dies-move-latest')
      .result()
      .catch(() => undefined);
    heal();
    const now = await gate().latest();
    expect([old, await gate().publish(sha)]).toContainEqual(now);
  }, 60_000);
});
