import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { rollbackId } from '../../../src/contract/ids.js';
import type { RollbackRequest, RunRef } from '../../../src/contract/lane.js';
import { beginRollbackSignal, beginRollbackUpdate, laneCommandUpdate } from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, say } from '../../support/decisions.js';
import { laneHandle, laneState, promoted } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { catchIn, delayRequests } from '../../support/phases.js';
import { rollBack } from '../../support/rollbacks.js';
import { fullTest } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { registry, gate, old } = await useCountedGate('rollback-foreign');

/** Announcements of a rollback to a build by what is no rollback to it. */
function foreign(to: string, other: RunRef): RollbackRequest[] {
  const sha = parseSha(to);
  const workflowId = rollbackId(gate().lane, sha);
  return [{ workflowId, runId: randomUUID() }, { workflowId, runId: other.runId }, other].map((run) => ({
    ...run,
    sha,
    force: true,
    by: 'mallory',
    reason: 'it is mine',
  }));
}

/** Sends them as signals and as updates, and waits until the lane has handled all. */
async function announceAll(requests: RollbackRequest[]) {
  for (const request of requests) {
    await gate().laneClient.signal(beginRollbackSignal, request);
    await expect(gate().laneClient.update(beginRollbackUpdate, request)).rejects.toThrow(
      / is not a rollback of this gate$/,
    );
  }
}

fullTest(
  'a foreign run that announces a rollback does not end the release that holds the lane, and marks nothing',
  async () => {
    const { handle, sha } = await catchIn('awaiting-approval', gate(), registry);
    const before = await laneState(gate());
    const { runId } = await handle.describe();
    await announceAll(foreign(old, { workflowId: handle.workflowId, runId }));
    const { holder, rollback, ledger } = await laneState(gate());
    expect({ holder: holder?.sha, revocation: holder?.revocation, rollback }).toEqual({
      holder: sha,
      revocation: undefined,
      rollback: null,
    });
    expect(ledger).toEqual(before.ledger);
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  },
);

fullTest('a foreign run that announces a rollback does not displace one that moves', async () => {
  const target = await gate().latest();
  const live = await promoted(gate());
  const second = delayRequests({ gate: gate(), registry }, isPut(gate().repositories[1]));
  onTestFinished(second.release);
  const handle = await rollBack(gate(), old);
  await until('it writes', second.reached);
  const { runId } = await handle.describe();
  const lane = await laneHandle(gate()).describe();
  await announceAll(foreign(live.sha, { workflowId: lane.workflowId, runId: lane.runId }));
  expect((await laneState(gate())).rollback).toMatchObject({ runId, sha: old });
  second.release();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back' });
  expect(await gate().latest()).toEqual(target);
  await gate().laneClient.update(laneCommandUpdate('unhold'), ada);
});
