import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveLatestId } from '../../src/domain/names.js';
import { runEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ada, say, statusOf } from '../support/decisions.js';
import { isRead } from '../support/latest.js';
import { lacks } from '../support/needs.js';
import { newSha } from '../support/shas.js';
import { seenAtWork, useSkippedGate } from '../support/skipped-gate.js';
import { until } from '../support/until.js';

const MINUTE = 60_000;

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  let registry: MemoryRegistry;
  const { gate, leap, leapUntil } = useSkippedGate('slow-look', async () => {
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
    await until('a mover looks', () => looked);

    const mover = gate().client.workflow.getHandle(moveLatestId(gate().lane));
    const held = await leapUntil(
      2 * MINUTE,
      () => seenAtWork(mover, 'preflightMove'),
      async () => (await statusOf(gate(), handle))?.hold,
    );
    expect(held.name).toBe('timed-out');
    const { events } = await handle.fetchHistory();
    expect(events?.filter((event) => event.childWorkflowExecutionFailedEventAttributes)).toHaveLength(2);
    heal();
    expect(await gate().latest()).toEqual(old);
    await say(handle, 'retry', { ...ada, hold: held.id });
    expect((await runEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });
});
