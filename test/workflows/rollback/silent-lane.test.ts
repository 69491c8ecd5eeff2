import { afterAll, expect } from 'vitest';
import { parseSha } from '../../../src/contract/sha.js';
import type { LaneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { useGate } from '../../support/gate.js';
import { laneInMemory } from '../../support/lane-in-memory.js';
import { putsTaken } from '../../support/latest.js';
import { firstPutMs } from '../../support/rollbacks.js';
import { fullTest } from '../../support/rows.js';
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
    position: (request) => (isSilent ? Promise.resolve(null) : lane.position(request)),
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

const gateFor = (name: string, waits = {}) => {
  const lane = silentLane();
  return { ...lane, gate: useGate(name, () => ({ registry: registry.host, laneClient: lane.client, waits })) };
};
const [forced, unforced, later] = [
  gateFor('silent-forced'),
  gateFor('silent-unforced'),
  gateFor('silent-later', { silenceMs: 3_000 }),
];

/** Longest time to the first write of a rollback whose lane does not answer (docs/protocol.md, A rollback), in milliseconds. */
const FIRST_PUT_MS = 30_000;

async function silenced({ gate, fallSilent }: typeof forced) {
  const old = newSha();
  const digests = await gate().begin(old);
  const live = await gate().greenBuild();
  expect((await awaitRunEnd(await gate().release({ sha: live.sha }))).report).toMatchObject({ outcome: 'promoted' });
  fallSilent();
  return { old, digests, live, written: putsTaken(registry, gate()).length };
}

fullTest(
  'while the lane does not answer, a rollback goes on within 30 seconds, forced or not',
  async () => {
    const gates = [forced, unforced];
    const scenes = await Promise.all(gates.map(silenced));
    await Promise.all(
      gates.map(async ({ gate }, index) => {
        const { old, live, digests, written } = scenes[index] as (typeof scenes)[number];
        // One that a policy began is a person's once it is forced.
        const force = index === 0 && { force: true, onlyFrom: parseSha(live.sha) };
        const handle = await gate().rollback({ sha: old, reason: 'checkout fails', requestedBy: 'ada', ...force });
        expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back', laneUnavailable: true });
        expect(await gate().latest()).toEqual(digests);
        expect(putsTaken(registry, gate()).slice(written).sort()).toEqual(gate().repositories);
        expect(await firstPutMs(registry, handle, digests)).toBeLessThan(FIRST_PUT_MS);
      }),
    );
  },
  120_000,
);

fullTest(
  'a rollback goes on without a lane that fell silent after it had taken the announcement',
  async () => {
    const { gate, fallSilent } = later;
    const old = newSha();
    const digests = await gate().begin(old);
    const live = await gate().greenBuild();
    expect((await awaitRunEnd(await gate().release({ sha: live.sha }))).report).toMatchObject({ outcome: 'promoted' });
    const heal = registry.faults.add({
      match: ({ method, path }) => method === 'POST' && path.includes('/silent-later/'),
      times: 1,
      respond(_request, serve) {
        fallSilent();
        return serve();
      },
    });
    const handle = await gate().rollback({ sha: old, reason: 'checkout fails', requestedBy: 'ada' });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back', laneUnavailable: true });
    heal();
    expect(await gate().latest()).toEqual(digests);
  },
  180_000,
);
