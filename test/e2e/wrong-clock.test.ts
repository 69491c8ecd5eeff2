import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { arrive } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const MINUTE = 60_000;
const gate = useGate('wrong-clock', () => ({ isIdle: true, env: { CANARY_UPDATE_TIMEOUT: '10m' } }));
afterAll(() => gate().startWorker());

/** Starts a worker whose clock is that many minutes ahead, beside no other. */
async function startWorker(minutes: number) {
  const worker = spawned(['worker'], {
    ...gate().env,
    TEMPORAL_ADDRESS: temporalAddress(),
    CANARY_HTTP_ADDR: '127.0.0.1:0',
    NODE_OPTIONS: `--require ${join(repositoryRoot, 'test', 'support', 'skewed-clock.cjs')}`,
    TEST_SKEW_MS: String(minutes * MINUTE),
  });
  const stop = async () => {
    worker.child.kill('SIGTERM');
    await worker.exit;
  };
  await until('it polls', () => worker.said().includes('"worker.started"'), 90_000).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { worker, stop };
}

test('a worker whose clock is 11 minutes behind says so, and status and doctor name it', async () => {
  const { worker, stop } = await startWorker(-11);
  const env = { ...gate().env, TEMPORAL_ADDRESS: temporalAddress() };
  const named = /of \d+@\S+ is 6(59|60|61) s behind Temporal's/;
  try {
    await until('its log has it', () => /"worker.clock".*"aheadSeconds":-6(59|60|61)/.test(worker.said()), 30_000);
    for (const command of ['status', 'doctor'])
      await until(`${command} names it`, async () => named.test((await canary([command], env)).out.join('\n')), 30_000);
  } finally {
    await stop();
  }
});

fullTest.each([
  ['ahead', 11],
  ['behind', -11],
])(
  'a worker whose clock is 11 minutes %s waits for the tenants, promotes, and rolls back',
  async (_way, minutes) => {
    const { stop } = await startWorker(minutes);
    try {
      const old = newSha();
      await gate().begin(old);
      const { sha, handle } = await arrive(gate());
      await until('it waits for the tenants', async () => (await gate().phaseOf(sha)) === 'awaiting-canary', 60_000);
      const looked = gate().tenants[0]?.requests.length ?? 0;
      await until('the tenants were asked again', () => (gate().tenants[0]?.requests.length ?? 0) > looked + 3, 60_000);
      gate().deploy({ sha });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      const back = await gate().rollback({ sha: old, reason: 'it burns' });
      expect((await awaitRunEnd(back)).report).toMatchObject({ outcome: 'rolled-back' });
    } finally {
      await stop();
    }
  },
  180_000,
);
