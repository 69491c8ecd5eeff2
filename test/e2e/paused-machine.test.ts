import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, afterEach, expect, vi } from 'vitest';
import { moveLatestId } from '../../src/contract/ids.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { awaitRunEnd, findRun } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { isPut } from '../support/latest.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

// A machine that is paused whole, as by its host: it goes on with clocks that know nothing of it. Here its worker is away
// from Temporal meanwhile, and its clock is set back to the begin of that.

const registry = await startMemoryRegistry();
const network = await startTemporalProxy(temporalAddress());
afterAll(async () => {
  await network.stop();
  await registry.stop();
});
afterEach(() => void vi.unstubAllGlobals());

const SILENT_MS = 3_000;
const gate = useGate('paused-machine', () => ({
  registry: registry.host,
  workerTemporal: network.address,
  env: { CANARY_SOAK: '6s', CANARY_SOAK_PROBE: '200ms', CANARY_HOLD_TIMEOUT: '5m' },
  waits: { lostMs: SILENT_MS },
}));

async function pendingOf(workflowId: string, activityType: string) {
  const { raw } = (await findRun(gate().client, workflowId)) ?? {};
  return raw?.pendingActivities?.find((one) => one.activityType?.name === activityType);
}

/** Pauses the machine until an activity of a run has been silent for long, does that, and lets it go on with its clock as it was. */
async function pauseMachine(workflowId: string, activityType: string, meanwhile: () => Promise<void>) {
  const pausedAt = Date.now();
  network.cut();
  await until(
    `${activityType} waits for a worker, silent for long`,
    async () => {
      const step = await pendingOf(workflowId, activityType);
      const beat = optionalTsToMs(step?.lastHeartbeatTime);
      return step?.attempt === 2 && beat !== undefined && Date.now() - beat > SILENT_MS + 1_000;
    },
    60_000,
  );
  await meanwhile();
  const RightDate = Date;
  const behindMs = Date.now() - pausedAt;
  const now = () => RightDate.now() - behindMs;
  const clock: ProxyHandler<DateConstructor> = {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  };
  vi.stubGlobal('Date', new Proxy(RightDate, clock));
  network.heal();
  return pausedAt;
}

fullTest(
  'a mover on a machine that was paused writes nothing over what a person moved meanwhile',
  async () => {
    const [old, other] = [newSha(), newSha()];
    await gate().begin(old);
    const moved = await gate().publish(other);
    const { sha, digests } = await gate().greenBuild();
    let puts = 0;
    const heal = registry.faults.add({
      match: isPut(gate().repositories[1]),
      respond: async () => {
        await until('the first image is moved', async () => (await gate().latest())[0] === digests[0]);
        const mover = moveLatestId(gate().lane);
        await until('it has told so', async () => (await pendingOf(mover, 'moveTags'))?.lastHeartbeatTime);
        await pauseMachine(mover, 'moveTags', async () => {
          heal();
          await gate().retag(other, 'latest');
          puts = registry.requests.filter(isPut()).length;
        });
        return 'drop' as const;
      },
    });
    const handle = await gate().release({ sha });
    const { id } = await heldFor(gate(), handle, 'latest-moved', 60_000);
    expect(await gate().latest()).toEqual(moved);
    expect(registry.requests.filter(isPut())).toHaveLength(puts);
    await say(handle, 'abort', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  },
  180_000,
);

fullTest(
  'a soak begins again after its machine was paused',
  async () => {
    await gate().begin(newSha());
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await until('it soaks', async () => (await gate().phaseOf(sha)) === 'soaking', 60_000);
    await until('a heartbeat has told of its stretch', async () => {
      const step = await pendingOf(handle.workflowId, 'watchFleet');
      const [details] = step?.heartbeatDetails?.payloads ?? [];
      return Object(JSON.parse(Buffer.from(details?.data ?? []).toString() || 'null')).stretch?.rounds > 2;
    });
    const pausedAt = await pauseMachine(handle.workflowId, 'watchFleet', async () => undefined);
    const report = (await awaitRunEnd(handle)).report as ReleaseReport;
    expect(report.outcome).toBe('promoted');
    expect(Date.parse(report.watched?.from ?? '')).toBeGreaterThanOrEqual(pausedAt);
  },
  180_000,
);
