import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { canary as spawned } from '../support/canary-process.js';
import { useGate } from '../support/gate.js';
import { arrive } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const MINUTE = 60_000;
const gate = useGate('wrong-clock', () => ({ isIdle: true, env: { CANARY_UPDATE_TIMEOUT: '10m' } }));
const workers: ReturnType<typeof spawned>[] = [];
afterAll(() => gate().startWorker());

fullTest.each([
  ['ahead', 11],
  ['behind', -11],
])(
  'a worker whose clock is 11 minutes %s waits for the tenants, promotes, and rolls back',
  async (_way, minutes) => {
    const preload = join(repositoryRoot, 'test', 'support', 'skewed-clock.cjs');
    const worker = spawned(['worker'], {
      ...gate().env,
      TEMPORAL_ADDRESS: temporalAddress(),
      CANARY_HTTP_ADDR: '127.0.0.1:0',
      NODE_OPTIONS: `--require ${preload}`,
      TEST_SKEW_MS: String(minutes * MINUTE),
    });
    workers.push(worker);
    try {
      await until('it polls', () => worker.said().includes('"worker.started"'), 90_000);
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
      worker.child.kill('SIGTERM');
      await worker.exit;
    }
  },
  180_000,
);
