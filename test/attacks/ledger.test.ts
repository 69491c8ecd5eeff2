import { randomUUID } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { moveLatestId, releaseId, rollbackId, taskQueue } from '../../src/contract/ids.js';
import type { Digest, Repository } from '../../src/contract/image.js';
import type { LaneState, MoveReport } from '../../src/contract/lane.js';
import {
  authorizeMoveUpdate,
  beginRollbackUpdate,
  reportMoveSignal,
  reportMoveUpdate,
} from '../../src/contract/messages.js';
import { parseMoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startInput } from '../../src/temporal/start.js';
import { useCountedGate } from '../support/counted-gate.js';
import { ada, say } from '../support/decisions.js';
import { laneState, promoted } from '../support/lanes.js';
import { catchIn } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const { gate, old, registry, writes, pairs } = await useCountedGate('attack-ledger');

/** The ledger, but for the note that a watch over production was started, which follows a move by seconds. */
function recorded({
  ledger: { watchStartedFor: _, ...ledger },
}: LaneState): Omit<LaneState['ledger'], 'watchStartedFor'> {
  return ledger;
}

/** Report of a mover that never was, in the name of a run. */
async function forgedReport(parent: { workflowId: string; runId: string }, sha: string): Promise<MoveReport> {
  const latest = await gate().latest();
  const images = gate().repositories.map((name, index) => ({
    repository: `${gate().host}/${name}` as Repository,
    to: latest[index] as Digest,
    from: null,
  }));
  const results = images.map(({ repository, to }) => ({
    repository,
    digest: to,
    previous: null,
    result: 'promoted' as const,
    latest: to,
  }));
  const input = { kind: 'promotion' as const, sha: parseSha(sha), images, by: 'the CTO', reason: 'it is mine' };
  return { moverRunId: randomUUID(), parent, input, images: results };
}

test('a report of a mover that the server does not know changes nothing, even with a lease in the name of the holder', async () => {
  const { sha, handle, digests, goOn } = await catchIn('awaiting-approval', gate(), registry);
  const { ledger } = await laneState(gate());
  const report = await forgedReport({ workflowId: handle.workflowId, runId: handle.firstExecutionRunId }, sha);
  for (const isLeased of [false, true]) {
    const { images: _, ...question } = report;
    const latest = report.input.images.map(({ repository, to: digest }) => ({ repository, digest }));
    if (isLeased) await gate().laneClient.update(authorizeMoveUpdate, { ...question, begun: false, latest });
    await expect(gate().laneClient.update(reportMoveUpdate, report)).rejects.toThrow(/is not a mover of this gate/);
    await gate().laneClient.signal(reportMoveSignal, report);
  }
  // Read after the signal.
  await expect(gate().laneClient.update(reportMoveUpdate, report)).rejects.toThrow(/is not a mover of this gate/);
  const now = await laneState(gate());
  expect(now.ledger).toEqual(ledger);
  expect(now.finishedRuns).not.toContain(handle.firstExecutionRunId);
  await goOn();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
  expect(writes()).toEqual(pairs(1));
});

test('a report in the name of a mover that moves is not believed, even with its own order', async () => {
  const { handle, digests, goOn } = await catchIn('promoting', gate(), registry);
  const mover = await gate().client.workflow.getHandle(moveLatestId(gate().lane)).describe();
  await until('it may write', async () => (await laneState(gate())).move);
  const before = await laneState(gate());
  const parent = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
  const input = parseMoveInput(await startInput(gate().client, mover.workflowId, mover.runId));
  const images = input.images.map(({ repository, to: digest, from }) => ({ repository, digest, previous: from }));
  for (const forged of [
    'stopped' as const,
    images.map((image) => ({ ...image, result: 'promoted' as const, latest: image.digest })),
    images.map((image) => ({ ...image, result: 'failed' as const, latest: image.previous })),
  ])
    await expect(
      gate().laneClient.update(reportMoveUpdate, { moverRunId: mover.runId, parent, input, images: forged }),
    ).rejects.toThrow(/is not a mover of this gate/);
  expect(await laneState(gate())).toMatchObject({ ledger: recorded(before), move: { moverRunId: mover.runId } });
  await goOn();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
});

fullTest(
  'a request for the lane in the name of a release, with the flags of a forced promotion, promotes no known-bad build',
  async () => {
    const bad = await promoted(gate());
    await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns', requestedBy: 'ada' }));
    await gate().sendToLane('unhold', ada);
    const before = await gate().latest();
    gate().deploy({ sha: bad.sha });
    const handle = await gate().client.workflow.start('CanaryRelease', {
      workflowId: releaseId(gate().lane, parseSha(bad.sha)),
      taskQueue: taskQueue(gate().lane),
      args: [{ sha: bad.sha }],
      startDelay: '1s',
    });
    const run = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
    await gate().laneClient.joinQueue({ ...run, sha: parseSha(bad.sha), manual: true, promoteOnly: true, force: true });
    expect((await awaitRunEnd(gate().keep(handle))).report).toMatchObject({
      outcome: 'MoveRefused',
      refusal: 'known-bad',
    });
    expect(await gate().latest()).toEqual(before);
    expect((await laneState(gate())).ledger.knownBad.map(({ sha }) => sha)).toContain(bad.sha);
  },
);

test('a rollback that runs is not forced, renamed or sent elsewhere by an announcement in its name', async () => {
  const bad = await promoted(gate());
  const back = await gate().rollback({ sha: old, reason: 'it burns', requestedBy: 'ada' });
  await awaitRunEnd(back);
  // Unforced, to a known-bad build: the lane refuses it, unless another person says that it is forced.
  const hung = registry.faults.add({
    match: ({ path }) => path.includes('/manifests/'),
    respond: () => new Promise(() => undefined),
  });
  const handle = await gate().rollback({ sha: bad.sha, reason: 'again', requestedBy: 'ada' });
  const run = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
  await until('it runs', async () => (await gate().phase(handle)) === 'resolving');
  const before = await laneState(gate());
  const honest = { ...run, sha: parseSha(bad.sha), by: 'ada', reason: 'again', force: false };
  for (const forged of [
    { force: true },
    { by: 'the CTO' },
    { reason: 'it is mine' },
    { sha: parseSha(bad.sha.slice(0, 7)) },
  ])
    await expect(gate().laneClient.update(beginRollbackUpdate, { ...honest, ...forged })).rejects.toThrow(
      /is not a rollback of this gate/,
    );
  expect(await laneState(gate())).toMatchObject({ ledger: recorded(before), rollback: null });
  await say(handle, 'abort', ada);
  hung();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  await gate().sendToLane('unhold', ada);
});

fullTest.each<[string, Payload | undefined]>([
  ['that has none', undefined],
  ['that is no order', defaultPayloadConverter.toPayload({})],
  ['that no worker can read', { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{') }],
])('a rollback with an input %s announces nothing, whatever is said in its name', async (_what, payload) => {
  const bad = await promoted(gate());
  const before = await laneState(gate());
  const sha = parseSha(newSha());
  const workflowId = rollbackId(gate().lane, sha);
  const { runId } = await gate().connection.workflowService.startWorkflowExecution({
    namespace: gate().client.options.namespace,
    workflowId,
    requestId: randomUUID(),
    workflowType: { name: 'Rollback' },
    taskQueue: { name: taskQueue(gate().lane) },
    ...(payload && { input: { payloads: [payload] } }),
  });
  const handle = gate().client.workflow.getHandle(workflowId, runId as string);
  await awaitRunEnd(handle);
  const request = { workflowId, runId: runId as string, sha, by: 'the CTO', reason: 'it is mine', force: true };
  await expect(gate().laneClient.update(beginRollbackUpdate, request)).rejects.toThrow(
    /is not a rollback of this gate/,
  );
  const state = await laneState(gate());
  expect({ ledger: recorded(state), rollback: state.rollback }).toEqual({ ledger: recorded(before), rollback: null });
  expect(state.ledger.knownBad.map((one) => one.sha)).not.toContain(bad.sha);
});
