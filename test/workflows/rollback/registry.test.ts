import { afterAll, describe, expect } from 'vitest';
import { MOVE_WAITS } from '../../../src/move/waits.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { ociError } from '../../../testbed/registry-store.js';
import { type Gate, useGate } from '../../support/gate.js';
import { adopted, laneState, promoted } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { FIRST_PUT_MS, firstPutMs, rollBack } from '../../support/rollbacks.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
const gateFor = (name: string, waits = {}) => useGate(name, () => ({ registry: registry.host, waits }));
/** With the waits of earnest. */
const lagging = [20, 30].map((lagS) => ({ lagS, gate: gateFor(`lags-${lagS}`, MOVE_WAITS) }));
const gate = gateFor('rollback-registry');

/** One build after another goes live. */
async function twoBuilds(gate: Gate) {
  const old = newSha();
  const digests = await gate.begin(old);
  const live = await adopted(gate);
  return { old, digests, live };
}

describe.concurrent('a rollback seconds after the promotion', () => {
  fullTest.each(lagging)(
    'does not take for done what a registry shows that lags $lagS s',
    async ({ lagS, gate }) => {
      const old = newSha();
      const digests = await gate().begin(old);
      const live = await promoted(gate());
      const began = Date.now();
      const heal = registry.faults.add({
        match: ({ method, path }) =>
          method === 'GET' && path.startsWith(`/v2/${gate().lane}/`) && path.endsWith('/manifests/latest'),
        respond: (_request, serve) => serve({ asOf: Math.max(began - 60_000, Date.now() - lagS * 1_000) }),
      });
      const handle = await rollBack(gate(), old);
      const { report } = await awaitRunEnd(handle);
      heal();
      expect(report).toMatchObject({
        outcome: 'rolled-back',
        images: digests.map((digest) => ({ digest, latest: digest })),
      });
      expect(await gate().latest()).toEqual(digests);
      expect(await firstPutMs(registry, handle, digests)).toBeLessThan(FIRST_PUT_MS);
      expect((await laneState(gate())).ledger.knownBad.map(({ sha }) => sha)).toContain(live.sha);
    },
    180_000,
  );
});

describe('a rollback on a registry', () => {
  fullTest('that refuses the second image for a while continues until both are back', async () => {
    const { old, digests } = await twoBuilds(gate());
    const heal = registry.faults.add({
      match: isPut(gate().repositories[1]),
      times: 4,
      respond: () => ociError(503, 'UNAVAILABLE', 'down'),
    });
    expect((await awaitRunEnd(await rollBack(gate(), old))).report).toMatchObject({ outcome: 'rolled-back' });
    heal();
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest(
    'that refuses the second image for good does not write the bad build back over the first one, and names both; the next rollback moves both',
    async () => {
      const { old, digests, live } = await twoBuilds(gate());
      const heal = registry.faults.add({
        match: isPut(gate().repositories[1]),
        respond: () => ociError(403, 'DENIED', 'requested access to the resource is denied'),
      });
      const { report } = await awaitRunEnd(await rollBack(gate(), old));
      expect(report).toMatchObject({ outcome: 'PairSplit', why: expect.stringContaining('status 403 DENIED') });
      for (const digest of [digests[0], live.digests[1]]) expect(report?.why).toContain(digest);
      expect(await gate().latest()).toEqual([digests[0], live.digests[1]]);
      heal();
      expect((await awaitRunEnd(await rollBack(gate(), old))).report).toMatchObject({ outcome: 'rolled-back' });
      expect(await gate().latest()).toEqual(digests);
      const { hold, knownBad } = (await laneState(gate())).ledger;
      expect(hold).toMatchObject({ name: 'after-rollback' });
      expect(knownBad.map(({ sha }) => sha)).toContain(live.sha);
    },
  );

  fullTest('that is down moves when it is back', async () => {
    const { old, digests } = await twoBuilds(gate());
    const heal = registry.faults.add({
      match: ({ path }) => path.startsWith(`/v2/${gate().lane}/`),
      respond: () => 'drop',
    });
    const handle = await rollBack(gate(), old);
    const seen = registry.requests.length;
    await until('it has asked in vain', () => registry.requests.length > seen + 3);
    heal();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back' });
    expect(await gate().latest()).toEqual(digests);
  });
});
