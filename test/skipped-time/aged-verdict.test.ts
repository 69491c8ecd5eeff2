import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { isRead } from '../support/latest.js';
import { lacks } from '../support/needs.js';
import { newSha } from '../support/shas.js';
import { useSkippedGate } from '../support/skipped-gate.js';
import { until } from '../support/until.js';

const MINUTE = 60_000;

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  let registry: MemoryRegistry;
  const { gate, leap } = useSkippedGate('aged', async () => {
    registry = await startMemoryRegistry();
    return { registry: registry.host };
  });
  afterAll(() => registry?.stop());
  let old: string[];
  beforeAll(async () => {
    old = await gate().begin(newSha());
  });

  test('a move that an outage of hours kept from its first look is begun again only once the build is smoked anew', async () => {
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    let looked = false;
    const heal = registry.faults.add({
      match: isRead,
      respond() {
        looked = true;
        return 'hang';
      },
    });
    await leap(6 * MINUTE);
    await until('the mover looks', () => looked);
    gate().deploy({ sha, misbehave: 'memory-search' });
    heal();
    await leap(2 * 60 * MINUTE);
    expect((await runEnd(handle)).report).toMatchObject({ outcome: 'CanaryRejected' });
    expect(await gate().latest()).toEqual(old);
  });
});
