import { afterAll, beforeEach, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { logged, useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { useVictims } from '../support/victim.js';

let registry: MemoryRegistry;
const gate = useGate('lost', async () => {
  registry = await startMemoryRegistry();
  return { registry: registry.host };
});
const startVictim = useVictims(gate);
afterAll(() => registry.stop());

const OLD = newSha();
let old: string[];
beforeEach(async () => {
  old = await gate().publish(OLD);
  await gate().setLatest(OLD);
});

fullTest(
  'a pair that no worker can finish fails as PairSplit: its worker died in the middle, and the next one may not read the target',
  async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    gate().deploy({ sha });
    const victim = await startVictim();
    const heals = [
      registry.faults.add({
        match: ({ method, path }) => method === 'PUT' && path.endsWith('/platform-tenant/manifests/latest'),
        respond: async () => {
          await until('the first image is moved', async () => (await gate().latest())[0] === digests[0]);
          // From here on the targets are closed to every client, as after the rotation of a credential.
          heals.push(
            registry.faults.add({
              match: ({ path }) => digests.some((digest) => path.endsWith(digest)),
              respond: () => ociError(403, 'DENIED', 'requested access to the resource is denied'),
            }),
          );
          await victim.kill('SIGKILL');
          return 'drop' as const;
        },
      }),
    ];
    const handle = await gate().release({ sha });
    await until('it is dead', () => heals.length > 1, 30_000);
    await gate().startWorker();

    const { report } = await awaitRunEnd(handle);
    for (const heal of heals) heal();
    expect(report).toMatchObject({ outcome: 'PairSplit' });
    expect(report?.why).toContain(`promoted at ${digests[0]}`);
    expect(report?.why).toContain(`restored at ${old[1]}`);
    await until('the alarm is out', () =>
      logged.some(({ message, meta }) => message === 'alarm' && meta?.alarm === 'move-split'),
    );
    expect(await gate().metrics()).toMatch(/^canary_alarms_total\{[^}]*alarm="move-split"[^}]*\} 1$/m);
  },
  150_000,
);
