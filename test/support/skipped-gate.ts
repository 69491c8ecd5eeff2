import { Connection, type WorkflowHandle } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, vi } from 'vitest';
import type { AuthorizerFor } from '../../activities/move-authorizer.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { type SkippingServer, startSkippingServer } from '../../testbed/skipping-server.js';
import { type GateOptions, useGate } from './gate.js';
import { laneInMemory } from './lane-in-memory.js';
import { until } from './until.js';

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
  (authorizerFor: AuthorizerFor): AuthorizerFor =>
  (...who) => ({ ...authorizerFor(...who), movedWithin: async () => true });

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
      wrapAuthorizer: careful,
      env: AS_CONFIGURED,
      ...(await more()),
    };
  });
  beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true }));
  afterAll(() => void vi.useRealTimers());
  /** Server and workers wake up that much later, as machines do that were suspended: an activity that was running has missed its beats, and is tried again. */
  async function leap(ms: number): Promise<void> {
    if (server) vi.setSystemTime(await server.leap(ms));
  }
  return {
    gate,
    leap,
    /**
     * Leaps until `ended` gives something, each time that the activity shows it is at work. One leap may not do: a beat that
     * slips in beside it saves the try, and of a retry this server (1.38.0) heeds the schedule-to-close time-out only when it ends.
     */
    async leapUntil<T>(ms: number, atWork: AtWork, ended: () => Promise<T>): Promise<NonNullable<T>> {
      for (;;) {
        const before = Date.now();
        await leap(ms);
        const goesOn = async () => (await atWork()) > before + ms;
        let end: Awaited<T> | undefined;
        await until('it ends or goes on', async () => {
          end = await ended();
          return end || goesOn();
        });
        if (end) return end;
      }
    },
  };
}

/** When an activity last showed that it is at work, by the server's clock in ms since 1970; 0 while it is not. */
type AtWork = () => Promise<number>;

/** When an activity of a run last began a try or beat. */
export async function seenAtWork(run: WorkflowHandle, type: string): Promise<number> {
  const { pendingActivities } = (await run.describe()).raw;
  const activity = pendingActivities?.find(({ activityType }) => activityType?.name === type);
  const ms = (at: Parameters<typeof tsToMs>[0]) => (at ? tsToMs(at) : 0);
  const seen = Math.max(ms(activity?.lastStartedTime), ms(activity?.lastHeartbeatTime));
  // Of a try that waits for its turn the server still tells when the one before it began.
  return seen > ms(activity?.lastAttemptCompleteTime) ? seen : 0;
}

/** What `canary setup` does asks first what is registered, and this server does not say. */
async function registerSearchAttributes(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const types = SEARCH_ATTRIBUTES.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type) ?? 0]);
  const searchAttributes = Object.fromEntries(types);
  await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  await connection.close();
}
