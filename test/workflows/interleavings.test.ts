import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, vi } from 'vitest';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { useGate } from '../support/gate.js';
import { play } from '../support/interleaving.js';
import { isPut } from '../support/latest.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { until } from '../support/until.js';

/** Those that found something once. */
const KEPT = [116, 117, 119];
/** `npm run interleavings` asks for others: their number, from which one on, and in how many lanes side by side. */
const { INTERLEAVINGS, INTERLEAVINGS_FROM = '0', INTERLEAVINGS_LANES = '3' } = process.env;
const seeds = INTERLEAVINGS
  ? Array.from({ length: Number(INTERLEAVINGS) }, (_, nth) => Number(INTERLEAVINGS_FROM) + nth)
  : KEPT;

// At the end every run of every seed is replayed: thousands.
if (INTERLEAVINGS) vi.setConfig({ hookTimeout: 60 * 60_000 });

const registry = await startMemoryRegistry();
// A write takes a while, so that things happen in the midst of it.
registry.faults.add({
  match: isPut(),
  respond: async (_request, serve) => {
    await delay(300);
    return serve();
  },
});
const env = {
  CANARY_UPDATE_TIMEOUT: '4s',
  CANARY_HOLD_TIMEOUT: '5s',
  CANARY_SOAK: '500ms',
  CANARY_SOAK_PROBE: '200ms',
};
const lanes = await Promise.all(
  Array.from({ length: Number(INTERLEAVINGS_LANES) }, async (_, nth) => {
    const network = await startTemporalProxy(temporalAddress());
    afterAll(() => network.stop());
    const gate = useGate(`interleaving-${nth}`, () => ({
      registry: registry.host,
      workerTemporal: network.address,
      env,
      waits: { lostMs: 2_000 },
    }));
    return { gate, network };
  }),
);
const free = [...lanes];

fullTest.concurrent.each(seeds)(
  'whatever people and accidents do to each other, no run is lost, :latest is one build that was green, and the lane goes on: seed %i',
  // A violation may be rare: CI must not repeat it away.
  { timeout: 3_600_000, retry: 0 },
  async (seed) => {
    const lane = await until('a lane is free', () => free.pop(), 3_600_000);
    try {
      const done = await play({ gate: lane.gate(), registry, network: lane.network }, seed);
      if (INTERLEAVINGS) process.stderr.write(`seed ${seed}\n${done.join('\n')}\n`);
      expect(registry.unforeseen).toEqual([]);
    } catch (error) {
      // Vitest prints failures at the end alone, which may be an hour away.
      if (INTERLEAVINGS) process.stderr.write(`FAILED seed ${seed}\n${String(error)}\n`);
      throw error;
    } finally {
      free.push(lane);
    }
  },
);
