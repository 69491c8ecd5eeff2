import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { lacks } from '../support/needs.js';
import { newSha } from '../support/shas.js';
import { useSkippedGate } from '../support/skipped-gate.js';
import { until } from '../support/until.js';

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  let registry: MemoryRegistry;
  const { gate, leap } = useSkippedGate('skipped-registry', async () => {
    registry = await startMemoryRegistry();
    return { registry: registry.host };
  });
  afterAll(() => registry?.stop());
  let old: string[];
  beforeAll(async () => {
    old = await gate().begin(newSha());
  });

  test('a mover that cannot look for as long as it may is begun once more, then the release is held; retry goes on', async () => {
    const { sha, digests } = await gate().greenBuild();
    const isProbe = ({ method, path }: { method: string; path: string }) =>
      method === 'POST' && path.includes('/blobs/uploads/');
    const refused = () => registry.requests.filter((one) => isProbe(one) && one.status === 503).length;
    const handle = await gate().release({ sha });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    const heal = registry.faults.add({ match: isProbe, respond: () => ociError(503, 'UNAVAILABLE', 'down') });
    await leap(6 * 60_000);
    // A leap is an outage of the worker too, after which a step is begun once more by itself.
    for (const looks of [1, 2]) {
      await until('a mover looks', () => refused() >= 3 * looks);
      await leap(2 * 60_000);
    }
    const { id, why } = await heldFor(gate(), handle, 'timed-out');
    expect(why).toContain('preflightMove');
    expect(await gate().latest()).toEqual(old);
    heal();
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await runEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});
