import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';
import { moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { type GateOptions, useGate } from '../support/gate.js';
import { holdsLane, laneState, promoted } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let server: TemporalServer;
// Declared first, it runs last.
afterAll(() => server.stop());
/** Whether promotions wait for their write lease. */
let isFrozen = false;
const gate = useGate('paused', async () => {
  server = await startTemporalServer({ pause: true });
  const connection = await Connection.connect({ address: server.address });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  await connection.close();
  const wrapAuthorizer: GateOptions['wrapAuthorizer'] = (authorizerFor) => (mover, parent, input) => {
    const own = authorizerFor(mover, parent, input);
    const authorize: typeof own.authorize = async (question) => {
      if (input.kind === 'promotion') await until('the mover may go on', () => !isFrozen, 120_000);
      return own.authorize(question);
    };
    return { ...own, authorize };
  };
  return { temporal: server.address, wrapAuthorizer, env: { CANARY_HOLD_TIMEOUT: '10m', CANARY_UPDATE_TIMEOUT: '5m' } };
});
const canary = (...args: string[]) => run(args, { ...gate().env, TEMPORAL_ADDRESS: server.address });
const reason = 'rolling out a worker';
const of = (workflowId: string) => ({
  namespace: 'default',
  workflowId,
  identity: 'ada',
  reason,
  requestId: randomUUID(),
});
const pause = (workflowId: string) => gate().client.workflowService.pauseWorkflowExecution(of(workflowId));
const unpause = (workflowId: string) => gate().client.workflowService.unpauseWorkflowExecution(of(workflowId));
const statusOf = async (workflowId: string) =>
  (await gate().client.workflow.getHandle(workflowId).describe()).status.name;
const events = async (workflowId: string) =>
  (await gate().client.workflow.getHandle(workflowId).describe()).historyLength;

const STOPPED = (id: string) => `STOPPED  ${id} is paused in Temporal by ada (${reason}): nothing of it goes on`;
const FIX = (id: string) => `temporal workflow unpause --workflow-id ${id} --reason …`;

/** Both commands name it, with the fix. */
async function expectNamed(id: string) {
  const { out } = await canary('status');
  expect(out).toContain(STOPPED(id));
  expect(out[out.indexOf(STOPPED(id)) + 1]?.trim()).toBe(FIX(id));
  const found = (await canary('doctor')).out.join('\n');
  expect(found).toContain(`${id} is paused in Temporal by ada (${reason})`);
  expect(found).toContain(FIX(id));
}

describe('a run that a person pauses in Temporal', () => {
  test('a release: status, report and abort answer, name it and the fix, and it goes on afterwards', async () => {
    await gate().begin(newSha());
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha, approval: 'required' });
    const hold = await heldFor(gate(), handle, 'approval');
    await pause(handle.workflowId);
    await until('it is paused', async () => (await statusOf(handle.workflowId)) === 'PAUSED');
    await expectNamed(handle.workflowId);
    expect((await canary('status', sha)).out).toContain(STOPPED(handle.workflowId));
    expect((await canary('report', sha)).code).toBe(0);
    const { code, err } = await canary('abort', sha, '--reason', 'enough', '--yes');
    expect(code).toBe(4);
    expect(err.join('\n')).toContain(`so it takes no abort (fix: ${FIX(handle.workflowId)})`);
    await unpause(handle.workflowId);
    await until('it answers', async () => (await gate().phase(handle)) === 'awaiting-approval', 60_000);
    await say(handle, 'approve', { ...ada, hold: hold.id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  }, 120_000);

  test('the lane: a release that waits for it sends less than a signal a second, and goes on afterwards', async () => {
    const lane = releaseLaneId(gate().lane);
    await until('the lane is free', async () => (await laneState(gate())).holder === null);
    await pause(lane);
    await until('it is paused', async () => (await statusOf(lane)) === 'PAUSED');
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    await until('it waits', async () => (await gate().phase(handle)) === 'queued');
    await expectNamed(lane);
    const [before, began] = [await events(lane), Date.now()];
    // A spin would add hundreds; the wait is what is measured.
    await until('it has waited for a while', () => Date.now() - began > 6_000);
    const added = (await events(lane)) - before;
    expect(added).toBeLessThanOrEqual((Date.now() - began) / 1_000);
    await unpause(lane);
    await holdsLane(gate(), sha, 60_000);
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  }, 120_000);

  fullTest(
    'a step of a release: status and doctor name it and the fix',
    async () => {
      const sha = newSha();
      await gate().publish(sha);
      const handle = await gate().release({ sha });
      const step = await until('it waits for the tenants', async () => {
        const { raw } = await handle.describe();
        return raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'awaitBuild')?.activityId;
      });
      const { workflowService } = gate().client;
      const { workflowId } = handle;
      await workflowService.pauseActivity({
        namespace: 'default',
        execution: { workflowId },
        id: step,
        identity: 'ada',
        reason,
      });
      const what = `waits for its step awaitBuild, which is paused in Temporal by ada (${reason})`;
      const fix = `temporal activity unpause --workflow-id ${workflowId} --activity-id ${step}`;
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

  test('the mover: a rollback terminates it and moves', async () => {
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
        !raw.pendingWorkflowTask && raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'moveTags')
      );
    });
    await pause(mover);
    await until('it is paused', async () => (await statusOf(mover)) === 'PAUSED');
    await expectNamed(mover);
    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    isFrozen = false;
    await awaitRunEnd(handle);
  }, 180_000);
});
