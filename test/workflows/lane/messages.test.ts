import { randomUUID } from 'node:crypto';
import type { SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { releaseId, rollbackId } from '../../../src/contract/ids.js';
import {
  authorizeMoveUpdate,
  beginRollbackSignal,
  beginRollbackUpdate,
  holderStatusSignal,
  joinQueueSignal,
  laneCommandUpdate,
  reportMoveSignal,
  reportMoveUpdate,
} from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { laneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneHandle, laneState, queuedRelease } from '../../support/lanes.js';
import { PATIENT } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('lane', () => ({ env: PATIENT }));
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(() => gate().setLatest(OLD));

test.each([authorizeMoveUpdate, reportMoveUpdate, beginRollbackUpdate])(
  'what no run would say as $name is refused in words, and the lane goes on',
  async (update) => {
    const lane = laneClient(gate().client, gate().lane);
    const run = { workflowId: 'x', runId: 'no-run-id', sha: OLD, by: 'ada', reason: 'looked at it' };
    for (const sent of [
      'what?',
      run,
      { parent: run, moverRunId: 'm', latest: [], images: [] },
      null,
      { parent: {}, input: { kind: 'promotion' }, latest: [null] },
    ])
      await expect(lane.update(update as UpdateDefinition<unknown, [unknown]>, sent)).rejects.toThrow(
        /^invalid payload: /,
      );
    expect(await lane.state()).not.toBeNull();
  },
);

test.each([joinQueueSignal, beginRollbackSignal, reportMoveSignal, holderStatusSignal])(
  'a signal $name of any shape changes nothing, and the lane continues',
  async (signal) => {
    const { queue, rollback, ledger } = await laneState(gate());
    const run = { workflowId: 'x', runId: 'no-run-id', sha: OLD, by: 'ada', reason: 'looked at it' };
    for (const sent of ['what?', run, { parent: run, moverRunId: 'm', images: [] }, null, 0, { images: 'stopped' }])
      await gate().laneClient.signal(signal as SignalDefinition<[unknown]>, sent);
    const { sha } = await gate().greenBuild();
    await until('the lane has read them', async () => {
      await gate()
        .laneClient.update(laneCommandUpdate('resume'), { ...ada, sha })
        .catch(() => undefined);
      return laneState(gate());
    });
    expect(await laneState(gate())).toMatchObject({ queue, rollback, ledger });
  },
);

test('a request in the name of a release of another lane does not get the lane, which could not follow it to its end', async () => {
  const sha = parseSha(newSha());
  const foreign = { workflowId: `other-${releaseId(gate().lane, sha)}`, runId: randomUUID(), sha };
  await gate().laneClient.signal(joinQueueSignal, foreign);
  await gate().laneClient.update(laneCommandUpdate('resume'), ada);
  expect(await laneState(gate())).toMatchObject({ holder: null, queue: [] });
});

test('an announcement in the name of a rollback of another lane is refused without a look-up, which counts if it fails', async () => {
  const sha = parseSha(OLD);
  const run = { workflowId: `other-${rollbackId(gate().lane, sha)}`, runId: randomUUID() };
  const foreign = { ...run, sha, force: true, by: 'mallory', reason: 'it is mine' };
  await expect(gate().laneClient.update(beginRollbackUpdate, foreign)).rejects.toThrow(
    / is not a rollback of this gate$/,
  );
  const { events } = await laneHandle(gate()).fetchHistory();
  const called = events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
  expect(called).not.toContain('findRollback');
});

fullTest('an invalid report of a hold preempts no release', async () => {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha, approval: 'required' });
  const { id } = await heldFor(gate(), handle, 'approval');
  const next = await queuedRelease(gate());
  const { runId } = (await laneState(gate())).holder ?? { runId: '' };
  for (const heldFor of [{ hold: 'approval', preemptibleAt: null }, { hold: 'approval' }, 'what?', 0])
    await gate().laneClient.signal(holderStatusSignal, { runId, heldFor } as never);
  await until('it has heard all of that', async () => (await laneState(gate())).queue.length === 1);
  await say(handle, 'approve', { ...ada, hold: id });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
  await say(next.handle, 'abort', ada);
  await awaitRunEnd(next.handle);
});
