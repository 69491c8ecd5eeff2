import { afterAll, expect, test } from 'vitest';
import type { LaneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { useGate } from '../../support/gate.js';
import { laneInMemory } from '../../support/lane-in-memory.js';
import { putsTaken } from '../../support/latest.js';
import { firstPutMs } from '../../support/rollbacks.js';
import { newSha } from '../../support/shas.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());

/** A lane that can be made to say nothing. */
function silentLane() {
  const lane = laneInMemory();
  let isSilent = false;
  const heard = <T>(say: () => Promise<T>): Promise<T> => (isSilent ? Promise.reject(new Error('no answer')) : say());
  const client: LaneClient = {
    ...lane,
    state: () => (isSilent ? Promise.resolve(null) : lane.state()),
    standing: (request) => (isSilent ? Promise.resolve(null) : lane.standing(request)),
    update: (update, sent) => heard(() => lane.update(update, sent)),
    signal: (signal, sent) => heard(() => lane.signal(signal, sent)),
  };
  return {
    client,
    state: lane.state,
    fallSilent() {
      isSilent = true;
    },
  };
}

const gateFor = (name: string) => {
  const lane = silentLane();
  return { ...lane, gate: useGate(name, () => ({ registry: registry.host, laneClient: lane.client })) };
};
const [forced, unforced] = [gateFor('unheard-forced'), gateFor('unheard-unforced')];

/** How long a lane may say nothing (docs/protocol.md, A rollback), and what else a rollback does before it writes, in milliseconds. */
const SILENCE_MS = 60_000;
const ELSE_MS = 25_000;

async function silenced({ gate, fallSilent }: typeof forced) {
  const old = newSha();
  const digests = await gate().begin(old);
  const live = await gate().greenBuild();
  expect((await awaitRunEnd(await gate().release({ sha: live.sha }))).report).toMatchObject({ outcome: 'promoted' });
  fallSilent();
  return { old, digests, live, written: putsTaken(registry, gate()).length };
}

test('while the lane does not answer, a forced rollback continues after a minute, and an unforced one does not', async () => {
  const [first, second] = await Promise.all([silenced(forced), silenced(unforced)]);
  const waiting = await unforced.gate().rollback({ sha: second.old, reason: 'it burns' });
  const handle = await forced.gate().rollback({ sha: first.old, reason: 'it burns', force: true, requestedBy: 'ada' });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back', force: true });
  expect(await forced.gate().latest()).toEqual(first.digests);
  expect(putsTaken(registry, forced.gate()).slice(first.written).sort()).toEqual(forced.gate().repositories);
  expect(await firstPutMs(registry, handle, first.digests)).toBeLessThan(SILENCE_MS + ELSE_MS);

  expect((await waiting.describe()).status.name).toBe('RUNNING');
  await waiting.terminate('by the test');
  expect(await unforced.gate().latest()).toEqual(second.live.digests);
  expect(putsTaken(registry, unforced.gate())).toHaveLength(second.written);
}, 180_000);
