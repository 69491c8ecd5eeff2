import type { WorkflowHandle } from '@temporalio/client';
import { afterEach, describe, expect, test } from 'vitest';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { CanaryWaitingFor } from '../../../src/contract/search-attributes.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, refusal, say, statusOf } from '../../support/decisions.js';
import type { Gate } from '../../support/gate.js';
import { catchIn } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { until } from '../../support/until.js';

const bob = { by: 'bob', reason: 'the database is migrated' };
const pause = (gate: Gate, more: { until?: string } = {}) =>
  gate.laneClient.update(laneCommandUpdate('pause'), { ...bob, ...more });
const resume = (gate: Gate) => gate.laneClient.update(laneCommandUpdate('resume'), ada);

/** Waits until a release waits for the end of a pause, and gives what its status says then. */
const pausedIn = (gate: Gate, handle: WorkflowHandle) =>
  until('it is paused', async () => {
    const status = await statusOf(gate, handle);
    return status?.phase === 'held' && status.why.startsWith('paused') ? status : null;
  });

describe('while the lane is paused', async () => {
  const { gate, registry, old, writes, pairs } = await useCountedGate('lane-pause');
  afterEach(() => resume(gate()));

  fullTest(
    'a release under way waits before promoting, shows who paused it and why, and continues after resume',
    async () => {
      const { handle, digests } = await catchIn('soaking', gate(), registry);
      await pause(gate());
      const status = await pausedIn(gate(), handle);
      expect(status.why).toContain('the database is migrated (bob, since 20');
      expect((await handle.describe()).typedSearchAttributes.get(CanaryWaitingFor)).toBe('paused');
      expect(await refusal(handle, 'approve', ada)).toContain('approve refused: the release is not held');
      expect(writes()).toEqual([]);

      await resume(gate());
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect((await handle.describe()).typedSearchAttributes.get(CanaryWaitingFor)).toBeUndefined();
      expect(await gate().latest()).toEqual(digests);
      expect(writes()).toEqual(pairs(1));
    },
  );

  fullTest('a new one is tested, and not promoted', async () => {
    await pause(gate());
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    const { tenants } = await pausedIn(gate(), handle);
    expect(tenants).toHaveLength(2);
    expect(writes()).toEqual([]);
    await resume(gate());
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });

  test('an approval of an earlier hold is accepted, and promotes only after resume', async () => {
    const { handle, goOn } = await catchIn('awaiting-approval', gate(), registry);
    await pause(gate());
    await goOn();
    await pausedIn(gate(), handle);
    expect(writes()).toEqual([]);
    await resume(gate());
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('a pair that is being written is finished', async () => {
    const { handle, goOn } = await catchIn('promoting', gate(), registry);
    await pause(gate());
    await goOn();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('a release can be aborted', async () => {
    const { handle } = await catchIn('soaking', gate(), registry);
    await pause(gate());
    await pausedIn(gate(), handle);
    await say(handle, 'abort', ada);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    expect(writes()).toEqual([]);
  });

  fullTest('a rollback moves anyway', async () => {
    const { handle, goOn, digests } = await catchIn('awaiting-approval', gate(), registry);
    await goOn();
    await awaitRunEnd(handle);
    expect(await gate().latest()).toEqual(digests);
    await pause(gate());
    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    expect(writes()).toEqual(pairs(2));
  });
});

describe('a pause', async () => {
  const { gate, registry, writes, pairs } = await useCountedGate('lane-pause-ends', { CANARY_HOLD_TIMEOUT: '1s' });
  afterEach(() => resume(gate()));

  fullTest('expires at its time; a time in the past is refused', async () => {
    await expect(pause(gate(), { until: new Date(Date.now() - 1_000).toISOString() })).rejects.toThrow(
      /^pause refused: invalid until .+: expected a time in the future/,
    );
    const { handle } = await catchIn('soaking', gate(), registry);
    const at = Date.now() + 5_000;
    await pause(gate(), { until: new Date(at).toISOString() });
    await pausedIn(gate(), handle);
    expect(writes()).toEqual([]);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('lasts longer than a hold may, and expires nothing', async () => {
    await pause(gate());
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await pausedIn(gate(), handle);
    const began = Date.now();
    await until('a hold would have expired', () => Date.now() - began > 2_500);
    expect(await pausedIn(gate(), handle)).toMatchObject({ hold: null });
    await resume(gate());
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });
});
