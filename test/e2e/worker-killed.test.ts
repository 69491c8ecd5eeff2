import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { type RunningProcess, startProcess } from '../../testbed/process.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('killed');
const folder = mkdtempSync(join(tmpdir(), 'canary-worker-'));
const workers: RunningProcess[] = [];
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** A worker process of the built command line. */
async function startWorker(): Promise<RunningProcess> {
  const worker = await startProcess(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), 'worker'], {
    env: { PATH: process.env.PATH, TEMPORAL_ADDRESS: inject('temporal'), ...gate().env },
    logFile: join(folder, `worker-${workers.length}.log`),
    ready: (output) => output.includes('worker.started'),
    timeoutMs: 20_000,
  });
  workers.push(worker);
  return worker;
}

test.each(['awaiting-canary', 'soaking'])(
  'a worker killed while %s loses nothing: the next one ends the run',
  async (phase) => {
    await gate().stopWorker();
    const sha = newSha();
    await gate().begin(newSha());
    const digests = await gate().publish(sha);
    if (phase === 'soaking') gate().deploy({ sha });
    const first = await startWorker();
    const handle = await gate().release({ sha, soak: '3s' });
    await until(`it is ${phase}`, async () => (await gate().phase(handle)) === phase);

    await first.kill('SIGKILL');
    gate().deploy({ sha });
    const second = await startWorker();

    expect((await runEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    await second.stop();
  },
);

test('no token is in the arguments of a worker process', async () => {
  const { pid } = await startWorker();
  const args = execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  expect(args).toContain('worker');
  expect(args).not.toContain(gate().env.CANARY_ADMIN_TOKENS);
});
