import { afterAll, expect } from 'vitest';
import { moveLatestId } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type Gate, useGate } from '../support/gate.js';
import { isRead, putsTaken } from '../support/latest.js';
import { useOwnServer } from '../support/own-server.js';
import { after, catchAt, catchIn, PATIENT } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const registry = await startMemoryRegistry();
const server = useOwnServer();
afterAll(() => registry.stop());

const gateFor = (name: string) =>
  useGate(name, () => ({ registry: registry.host, temporal: server.address(), env: PATIENT }));
const [soaks, asks, writes] = [gateFor('soaks'), gateFor('asks'), gateFor('writes')];

fullTest(
  'a Temporal server killed while a release soaks, its mover asks whether it may, or writes, and restored from a copy of its file, loses nothing',
  async () => {
    const stories = [
      // The reads before are of the release, and of the look before the move.
      await begin(asks(), () => catchAt(asks(), registry, () => after(4, isRead))),
      await begin(writes(), () => catchIn('promoting', writes(), registry)),
      await begin(soaks(), () => catchIn('soaking', soaks(), registry)),
    ];
    const mover = await asks().client.workflow.getHandle(moveLatestId(asks().lane)).describe();
    expect(mover.raw.pendingActivities?.map(({ activityType }) => activityType?.name)).toEqual(['moveTags']);

    const written = () => putsTaken(registry, writes()).length;
    const before = written();

    await server.kill();
    // From here on no one answers the mover that asks, and no one hears of the writes.
    for (const { release } of stories) release();
    await until('both images are written', () => written() === before + 2);
    server.restoreCopy();
    await server.startAgain();

    for (const { gate, old, written: had, handle, digests } of stories) {
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        images: digests.map((digest, image) => ({ digest, previous: old[image], result: 'promoted' })),
      });
      expect(await gate.latest()).toEqual(digests);
      expect(putsTaken(registry, gate).slice(had).sort()).toEqual(gate.repositories);
    }
  },
  60_000,
);

async function begin(gate: Gate, catchIt: () => ReturnType<typeof catchAt>) {
  const old = await gate.begin(newSha());
  const written = putsTaken(registry, gate).length;
  return { gate, old, written, ...(await catchIt()) };
}
