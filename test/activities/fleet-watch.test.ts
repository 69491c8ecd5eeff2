import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFleetWatch } from '../../activities/fleet-watch.js';
import { loadGateConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import type { FleetSeen, FleetWatchEnd } from '../../src/contract/tenants/fleet-watch.js';
import type { WatchedStretch } from '../../src/contract/tenants/watched.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';

const service = proto.temporal.api.workflowservice.v1;
const TOKEN = 'token-of-the-fleet';
const sha = newSha();
const HOUR_MS = 3_600_000;

/** What the release was told. */
let told: FleetSeen[] = [];
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
let tenant: Tenant;
beforeAll(async () => {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha } });
  server = await startFixedTemporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    GetWorkflowExecutionHistory: () => 'silent',
    SignalWorkflowExecution: (request) => {
      const [payload] = service.SignalWorkflowExecutionRequest.decode(request).input?.payloads ?? [];
      told.push(JSON.parse(Buffer.from(payload?.data ?? []).toString()));
      return service.SignalWorkflowExecutionResponse.encode({}).finish();
    },
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  const stopped = server.stop();
  await connection.close();
  await Promise.all([stopped, tenant.stop()]);
});
beforeEach(() => {
  told = [];
});

/** Soaks with what the attempt before knew. */
async function soak(attempt: number, stretch: WatchedStretch | null): Promise<FleetWatchEnd> {
  const { config, suite } = await loadGateConfig({
    CANARY_IMAGES: 'registry.example/acme/platform',
    CANARY_TENANT_URLS: tenant.url,
    CANARY_ADMIN_TOKENS: TOKEN,
    CANARY_UNSAFE: 'true',
    CANARY_SOAK: '300ms',
    CANARY_UPDATE_CYCLE: '0',
    CANARY_SOAK_PROBE: '100ms',
  });
  const plan = await planRelease(config, {});
  const { watchFleet } = createFleetWatch({
    config,
    suite,
    client: new Client({ connection }),
    lane: { state: async () => null },
    stopping: new AbortController().signal,
  } as never);
  const heartbeatDetails = stretch && { stretch, doubtful: [], doubts: {}, failing: [] };
  const environment = new MockActivityEnvironment({ attempt, heartbeatDetails });
  const input = { soakMs: plan.soakMs, unreported: [], stretch: null };
  return environment.run(watchFleet as never, sha, plan, input) as Promise<FleetWatchEnd>;
}

const stretchUntil = (untilMs: number): WatchedStretch => ({
  from: new Date(untilMs - 100).toISOString(),
  until: new Date(untilMs).toISOString(),
  watchedMs: 100,
  rounds: 2,
  longestGapMs: 100,
});

describe('what a release is told of its soak', () => {
  test('is nothing while all is as it knows', async () => {
    expect(await soak(1, null)).toMatchObject({ watched: { rounds: expect.any(Number) } });
    expect(told).toEqual([]);
  });

  test('is nothing where another worker goes on without a gap', async () => {
    const stretch = stretchUntil(Date.now());
    expect(await soak(2, stretch)).toMatchObject({ watched: { from: stretch.from } });
    expect(told).toEqual([]);
  });

  test('is its new begin where no worker watched for an hour, as after a restore of a backup', async () => {
    const end = await soak(2, stretchUntil(Date.now() - HOUR_MS));
    const { from } = (end as { watched: WatchedStretch }).watched;
    expect(Date.now() - Date.parse(from)).toBeLessThan(HOUR_MS);
    expect(told).toMatchObject([{ from }]);
  });

  test('is its new begin where the attempt before left nothing', async () => {
    expect(await soak(2, null)).toHaveProperty('watched');
    expect(told).toMatchObject([{ from: expect.any(String) }]);
  });
});
