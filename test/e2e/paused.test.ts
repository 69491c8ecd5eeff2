import { describe, expect, test } from 'vitest';
import { moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { beforeAuthorize } from '../support/authorizers.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { holdsLane, laneState, promoted } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import {
  expectPaused,
  PAUSED,
  pauseRun,
  pauseStep,
  stepFix,
  stepPaused,
  unpauseFix,
  unpauseRun,
} from '../support/stopped.js';
import { until } from '../support/until.js';

/** Whether promotions wait for their write lease. */
let isFrozen = false;
const gate = useGate('paused', () => ({
  wrapAuthorizer: beforeAuthorize(({ kind }) =>
    kind === 'promotion' ? until('the mover may go on', () => !isFrozen, 120_000) : undefined,
  ),
  env: { CANARY_HOLD_TIMEOUT: '10m', CANARY_UPDATE_TIMEOUT: '5m' },
}));
const canary = (...args: string[]) => run(args, { ...gate().env, TEMPORAL_ADDRESS: temporalAddress() });
const events = async (workflowId: string) =>
  (await gate().client.workflow.getHandle(workflowId).describe()).historyLength;

describe('a run that a person pauses in Temporal', () => {
  test('a release: status, report and abort answer, name it and the fix, and it goes on afterwards', async () => {
    await gate().begin(newSha());
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    const hold = await heldFor(gate(), handle, 'approval');
    await pauseRun(gate(), handle.workflowId);
    await expectPaused(gate(), handle.workflowId);
    expect((await canary('status', sha)).out).toContain(`STOPPED  ${handle.workflowId} ${PAUSED}`);
    expect((await canary('report', sha)).code).toBe(0);
    const { code, err } = await canary('abort', sha, '--reason', 'enough', '--yes');
    expect(code).toBe(4);
    expect(err.join('\n')).toContain(`so it takes no abort (fix: ${unpauseFix(handle.workflowId)})`);
    await unpauseRun(gate(), handle.workflowId);
    await until('it answers', async () => (await gate().phase(handle)) === 'awaiting-approval', 60_000);
    await say(handle, 'approve', { ...ada, hold: hold.id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  }, 120_000);

  fullTest(
    'the lane: a release that waits for it sends less than a signal a second, and goes on afterwards',
    async () => {
      const lane = releaseLaneId(gate().lane);
      await until('the lane is free', async () => (await laneState(gate())).holder === null);
      await pauseRun(gate(), lane);
      const { sha } = await gate().greenBuild();
      const handle = await gate().release({ sha });
      await until('it waits', async () => (await gate().phase(handle)) === 'queued');
      await expectPaused(gate(), lane);
      const [before, began] = [await events(lane), Date.now()];
      // A spin would add hundreds; the wait is what is measured.
      await until('it has waited for a while', () => Date.now() - began > 6_000);
      const added = (await events(lane)) - before;
      expect(added).toBeLessThanOrEqual((Date.now() - began) / 1_000);
      await unpauseRun(gate(), lane);
      await holdsLane(gate(), sha, 60_000);
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    },
    120_000,
  );

  fullTest(
    'a step of a release: status and doctor name it and the fix',
    async () => {
      const sha = newSha();
      await gate().publish(sha);
      const handle = await gate().release({ sha });
      const { workflowId } = handle;
      const step = await pauseStep(gate(), workflowId, 'awaitBuild');
      const what = stepPaused('awaitBuild');
      const fix = stepFix(workflowId, step);
      for (const args of [['status'], ['status', sha], ['doctor']]) {
        const out = (await canary(...args)).out.join('\n');
        expect(out).toContain(`${workflowId} ${what}`);
        expect(out).toContain(fix);
      }
      await say(handle, 'abort', ada);
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    },
    120_000,
  );

  fullTest(
    'the mover: a rollback terminates it and moves',
    async () => {
      const old = (await laneState(gate())).ledger.history.at(-1)?.sha ?? '';
      await promoted(gate());
      const { sha } = await gate().greenBuild();
      const handle = await gate().release({ sha, approval: 'required' });
      const hold = await heldFor(gate(), handle, 'approval');
      const mover = moveLatestId(gate().lane);
      isFrozen = true;
      await say(handle, 'approve', { ...ada, hold: hold.id });
      // Paused between two workflow tasks: SDK 1.24.0 does not replay a run that was paused before its task began.
      await until('the mover moves', async () => {
        const { raw } = await gate().client.workflow.getHandle(mover).describe();
        return (
          !raw.pendingWorkflowTask &&
          raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'moveTags')
        );
      });
      await pauseRun(gate(), mover);
      await expectPaused(gate(), mover);
      const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
      expect(report).toMatchObject({ outcome: 'rolled-back' });
      isFrozen = false;
      await awaitRunEnd(handle);
    },
    180_000,
  );
});
