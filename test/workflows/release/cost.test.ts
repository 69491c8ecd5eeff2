import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect } from 'vitest';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd, sendDecision } from '../../../src/temporal/runs.js';
import { type Actions, actionsSince, totalOf } from '../../../testbed/actions.js';
import { allActions } from '../../support/actions.js';
import { canary } from '../../support/cli.js';
import { ada, heldFor } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneState, queuedRelease } from '../../support/lanes.js';
import { useOwnServer } from '../../support/own-server.js';
import { PATIENT } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const server = useOwnServer();
// The polls as they are shipped: with them, a wait sends a heartbeat every 40 s, and a watch every 10 s.
const gate = useGate('cost', () => ({
  temporal: server.address(),
  env: { ...PATIENT, CANARY_POLL: '5s', CANARY_SOAK_PROBE: '10s' },
}));
let marker: WorkflowHandle;
beforeAll(async () => {
  marker = await gate().client.workflow.start('Marker', { taskQueue: 'no-worker', workflowId: randomUUID() });
  await gate().begin(newSha());
});
const sinceStart = () => allActions(marker, server.metricsUrl());
const since = async (before: Actions) => actionsSince(await sinceStart(), before);

/** Time within which a run reacts to a person or to another run, in milliseconds: far less than any heartbeat. */
const SOON_MS = 10_000;
const isSoon = <T>(what: string, ask: () => Promise<T> | T) => until(what, ask, SOON_MS);
const hasEnded = (handle: { describe(): Promise<{ status: { name: string } }> }) =>
  isSoon('it has ended', async () => (await handle.describe()).status.name !== 'RUNNING');

fullTest('a release takes at most 56 Actions apart from its waits', async () => {
  const release = async () => {
    const { sha } = await gate().greenBuild();
    expect((await awaitRunEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });
    await until('the lane is free', async () => (await laneState(gate())).holder === null);
  };
  await release();
  const before = await sinceStart();
  await release();
  const found = await since(before);
  expect(totalOf(found), JSON.stringify([...found])).toBeLessThanOrEqual(56);
});

fullTest(
  'a release that is held and followed, with one queued behind it, costs a few heartbeats; an abort frees the lane at once',
  async () => {
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    await heldFor(gate(), handle, 'approval');
    const following = canary(['release', sha, '--approval', 'required', '--wait'], {
      CANARY_LANE: gate().lane,
      TEMPORAL_ADDRESS: server.address(),
    });
    const next = await queuedRelease(gate());
    const last = await queuedRelease(gate(), { force: true, reason: 'more' });
    const probed = () => gate().tenants[0]?.requests.length ?? 0;
    const nextProbe = async () => {
      const seen = probed();
      await until('the canaries are probed', () => probed() > seen);
    };
    await nextProbe();
    const before = await sinceStart();
    await nextProbe();
    const found = await since(before);
    expect(totalOf(found), JSON.stringify([...found])).toBeLessThanOrEqual(6);

    await sendDecision(gate().client, last.handle.workflowId, 'abort', ada);
    await hasEnded(last.handle);
    await sendDecision(gate().client, handle.workflowId, 'abort', ada);
    await hasEnded(handle);
    await isSoon('the next one holds the lane', async () => (await gate().phase(next.handle)) === 'awaiting-canary');
    // The last status of a run that has ended may come before or after its end.
    expect((await following).out).toContain('CanaryAborted: aborted by ada: looked at it');
    await sendDecision(gate().client, next.handle.workflowId, 'abort', ada);
    await hasEnded(next.handle);
  },
);

fullTest('canary resume promotes what waited for it at once', async () => {
  await gate().sendToLane('pause', ada);
  const { sha } = await gate().greenBuild();
  const handle = await gate().release({ sha });
  await until('it waits for canary resume', async () => (await gate().phase(handle)) === 'held');
  await gate().laneClient.update(laneCommandUpdate('resume'), ada);
  await isSoon('it goes on', async () => (await gate().phase(handle)) !== 'held');
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
});
