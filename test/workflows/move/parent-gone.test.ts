import { afterAll, expect, test } from 'vitest';
import { moveLatestId } from '../../../src/contract/ids.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { useGate } from '../../support/gate.js';
import { laneInMemory } from '../../support/lane-in-memory.js';
import { isRead, putsTaken } from '../../support/latest.js';
import { catchIn } from '../../support/phases.js';
import { newSha } from '../../support/shas.js';

const registry = await startMemoryRegistry();
// This lane follows no run: it takes a run that has ended for open.
const gate = useGate('parent-gone', () => ({ registry: registry.host, laneClient: laneInMemory() }));
afterAll(() => registry.stop());

test('a mover whose release was terminated writes nothing, even while the lane does not know that end', async () => {
  await gate().begin(newSha());
  const written = putsTaken(registry, gate());
  const { handle } = await catchIn('soaking', gate(), registry);
  let terminated: Promise<unknown> | undefined;
  // The mover reads :latest before it asks whether it may.
  const heal = registry.faults.add({
    match: isRead,
    respond: async (_request, serve) => {
      terminated ??= handle.terminate('by the test');
      await terminated;
      return serve();
    },
  });
  expect(await awaitRunEnd(handle)).toMatchObject({ outcome: 'terminated' });
  const mover = gate().client.workflow.getHandle(moveLatestId(gate().lane));
  await expect(mover.result()).rejects.toMatchObject({
    cause: { type: 'MoveRefused', message: expect.stringContaining('it no longer moves anything') },
  });
  heal();
  expect(putsTaken(registry, gate())).toEqual(written);
});
