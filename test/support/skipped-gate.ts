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

/** Environment with the default durations: an empty value counts as unset. A soak is watched in real seconds, so it is short. */
const AS_CONFIGURED = {
  CANARY_SOAK: '1s',
  CANARY_UPDATE_CYCLE: '0',
  CANARY_SOAK_PROBE: '200ms',
  CANARY_UPDATE_TIMEOUT: '',
  CANARY_POLL: '',
  CANARY_HOLD_TIMEOUT: '',
};

/** Answers "moved recently", because this server cannot count runs. It is the safe answer: the mover then trusts no read. */
const careful =
  (authorizerFor: AuthorizerFor): AuthorizerFor =>
  (...who) => ({ ...authorizerFor(...who), movedWithin: async () => true });

/** Opens a gate with the default durations, on a server whose clock the test advances. */
export function useSkippedGate(name: string, more: () => Promise<Partial<GateOptions>> = async () => ({})) {
  let server: SkippingServer | undefined;
  // Registered before the hook of the gate: hooks run last first, and the gate replays its runs from this server.
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
  /** Time of the server, in ms since the epoch. */
  let serverTime = Date.now();
  /** Advances the server alone: a running activity has missed its heartbeats, and is retried. */
  async function leap(ms: number): Promise<void> {
    if (server) serverTime = await server.leap(ms);
  }
  /** Advances server and workers, as if the machines were suspended. */
  async function suspend(ms: number): Promise<void> {
    await leap(ms);
    vi.setSystemTime(serverTime);
  }
  return {
    gate,
    leap,
    suspend,
    /**
     * Leaps until `ended` returns a value, once for each attempt or heartbeat of the activity. One leap may not suffice: a heartbeat
     * at the same time saves the attempt, and this server (1.38.0) applies the schedule-to-close time-out of a retry only at its end.
     */
    async leapUntil<T>(ms: number, atWork: AtWork, ended: () => Promise<T>): Promise<NonNullable<T>> {
      for (;;) {
        await leap(ms);
        const leapt = serverTime;
        const goesOn = async () => (await atWork()) >= leapt;
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

/** Time of the last sign of life of an activity, by the clock of the server, in ms since the epoch; 0 if it is not running. */
type AtWork = () => Promise<number>;

/** Time of the last attempt or heartbeat of an activity of a run. */
export async function seenAtWork(run: WorkflowHandle, type: string): Promise<number> {
  const { pendingActivities } = (await run.describe()).raw;
  const activity = pendingActivities?.find(({ activityType }) => activityType?.name === type);
  const ms = (at: Parameters<typeof tsToMs>[0]) => (at ? tsToMs(at) : 0);
  const seen = Math.max(ms(activity?.lastStartedTime), ms(activity?.lastHeartbeatTime));
  // For a scheduled attempt, the server still reports the start of the previous one.
  return seen > ms(activity?.lastAttemptCompleteTime) ? seen : 0;
}

/** Times that an activity was asked for by a run. */
export const asked = async (run: WorkflowHandle, type: string): Promise<number> =>
  ((await run.fetchHistory()).events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: event }) => event?.activityType?.name === type,
  ).length;

/** Registers the search attributes. `canary setup` would first list those that exist, which this server does not support. */
async function registerSearchAttributes(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const types = SEARCH_ATTRIBUTES.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type) ?? 0]);
  const searchAttributes = Object.fromEntries(types);
  await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  await connection.close();
}
