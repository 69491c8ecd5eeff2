import { Connection } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { afterAll, beforeAll, vi } from 'vitest';
import type { AuthorityFor } from '../../activities/authority.js';
import { type SkippingServer, startSkippingServer } from '../../testbed/skipping-server.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { type GateOptions, useGate } from './gate.js';
import { laneInMemory } from './lane-in-memory.js';

/** Empty is unset: what the gate shortens elsewhere is what it is by default. No probe, for it beats in real seconds. */
const AS_CONFIGURED = {
  CANARY_SOAK: '',
  CANARY_UPDATE_CYCLE: '',
  CANARY_UPDATE_TIMEOUT: '',
  CANARY_POLL: '',
  CANARY_HOLD_TIMEOUT: '',
  CANARY_SOAK_PROBE: '0',
};

/** This server counts no runs. "Something moved lately" is the careful answer: the mover then trusts no read. */
const careful =
  (authorityFor: AuthorityFor): AuthorityFor =>
  (...who) => ({ ...authorityFor(...who), movedWithin: async () => true });

/** A gate in earnest, with the durations of the configuration, on a server whose clock a test moves. */
export function useSkippedGate(name: string, more: () => Promise<Partial<GateOptions>> = async () => ({})) {
  let server: SkippingServer | undefined;
  // Before the gate's own: hooks at the end run the last one first, and a gate replays its runs from its server.
  afterAll(() => server?.stop());
  const gate = useGate(name, async () => {
    server = await startSkippingServer();
    await registerSearchAttributes(server.address);
    return {
      temporal: server.address,
      laneClient: laneInMemory(),
      wrapAuthority: careful,
      env: AS_CONFIGURED,
      ...(await more()),
    };
  });
  beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true }));
  afterAll(() => void vi.useRealTimers());
  return {
    gate,
    /** Server and workers wake up that much later, as machines do that were suspended: an activity that was running has missed its beats, and is tried again. */
    async leap(ms: number): Promise<void> {
      if (server) vi.setSystemTime(await server.leap(ms));
    },
  };
}

/** What `canary setup` does asks first what is registered, and this server does not say. */
async function registerSearchAttributes(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const types = SEARCH_ATTRIBUTES.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type) ?? 0]);
  const searchAttributes = Object.fromEntries(types);
  await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  await connection.close();
}
