import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';
import { fleetSeenSignal, joinQueueSignal } from '../../src/contract/messages.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { useCountedGate } from '../support/counted-gate.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { laneHandle, laneState, queuedRelease } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

const { gate } = await useCountedGate('attack-signals', {
  CANARY_HOLD_TIMEOUT: '10m',
  CANARY_UPDATE_TIMEOUT: '10m',
});

/** Temporal takes so many signals of one run. */
const SIGNALS = 10_000;
const AT_ONCE = 50;
/** Events of a run of the lane that continues as new after 500: with what came in the same workflow task. */
const MAX_LANE_EVENTS = 5_000;

/** Sends signals that mean nothing, also those that Temporal refuses. */
async function flood(handle: WorkflowHandle, name: string): Promise<void> {
  for (let sent = 0; sent < SIGNALS; sent += AT_ONCE)
    await Promise.allSettled(Array.from({ length: AT_ONCE }, () => handle.signal(name, { nonsense: 'x'.repeat(100) })));
}

fullTest(
  '10,000 signals that mean nothing, at a release and at the lane: both answer, nothing is lost, and the lane continues as new',
  async () => {
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    const hold = await heldFor(gate(), handle, 'approval');
    const next = await queuedRelease(gate());
    const lane = laneHandle(gate());
    const first = (await lane.describe()).runId;

    await flood(lane, joinQueueSignal.name);
    const state = await until('the lane knows both', async () => {
      const now = await laneState(gate());
      return now.holder?.sha === sha && now.queue.some((one) => one.sha === next.sha) ? now : null;
    });
    expect(state.queue).toHaveLength(1);
    await until('it has continued', async () => (await lane.describe()).runId !== first, 120_000);
    await until('its run is short', async () => (await lane.describe()).historyLength < MAX_LANE_EVENTS, 120_000);

    await flood(handle, fleetSeenSignal.name);
    await say(handle, 'approve', { ...ada, hold: hold.id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    gate().deploy({ sha: next.sha });
    expect((await awaitRunEnd(next.handle)).report).toMatchObject({ outcome: 'promoted' });
    expect((await handle.describe()).historyLength).toBeLessThan(2 * SIGNALS);
  },
  600_000,
);
