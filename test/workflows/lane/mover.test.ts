import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { moveLatestId, releaseId, taskQueue } from '../../../src/contract/ids.js';
import type { Digest, Repository } from '../../../src/contract/image.js';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import type { MoveInput } from '../../../src/contract/move.js';
import { parseSha, type Sha } from '../../../src/contract/sha.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { testBundle } from '../../support/bundles.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada } from '../../support/decisions.js';
import { endSignal, startMoverSignal } from '../../support/foreign-parent.js';
import { copyKept, laneState, promoted } from '../../support/lanes.js';
import { isRead } from '../../support/latest.js';
import { catchIn } from '../../support/phases.js';
import { firstTask, resetTo } from '../../support/resets.js';
import { fullTest } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { gate, old, registry, writes, pairs } = await useCountedGate('lane-mover');

const FOREIGN_QUEUE = 'lane-mover-foreign';
let foreign: Worker;
let running: Promise<void>;
beforeAll(async () => {
  const workflowBundle = await testBundle(join(import.meta.dirname, '..', '..', 'support', 'foreign-parent.ts'));
  foreign = await Worker.create({ connection: gate().connection, taskQueue: FOREIGN_QUEUE, workflowBundle });
  running = foreign.run();
});
afterAll(async () => {
  foreign.shutdown();
  await running;
});

/** What a release of that build would have a mover do now. */
async function orderOf(sha: string, digests: string[]): Promise<MoveInput> {
  const stands = await gate().latest();
  const images = digests.map((to, index) => ({
    repository: `${gate().host}/${gate().repositories[index]}` as Repository,
    to: to as Digest,
    from: (stands[index] ?? null) as Digest | null,
  }));
  return { kind: 'promotion', sha: parseSha(sha), images, by: 'mallory', reason: 'because' };
}

/** The mover as it is or was last, of the parent that is given. */
const moverOf = (parent: string) =>
  until('it has a mover', async () => {
    const { workflow } = gate().client;
    const workflowId = moveLatestId(gate().lane);
    const found = await workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null);
    if (found?.parentExecution?.workflowId !== parent) return null;
    const { runId } = found;
    return gate().keep(Object.assign(workflow.getHandle(workflowId, runId), { firstExecutionRunId: runId }));
  });

/** Another workflow under an id of its own, or of a release; one of a release may have joined the queue. */
async function foreignParent(idOf: (sha: Sha) => string) {
  const { sha: text, digests } = await gate().greenBuild();
  const sha = parseSha(text);
  const workflowId = idOf(sha);
  const handle = await gate().client.workflow.start('ForeignParent', { workflowId, taskQueue: FOREIGN_QUEUE });
  const run = { workflowId, runId: handle.firstExecutionRunId };
  return {
    workflowId,
    sha,
    digests,
    async acquireLane() {
      await gate().laneClient.joinQueue({ ...run, sha });
      await until('it holds the lane', async () => (await laneState(gate())).holder?.runId === run.runId);
    },
    async startMover(input: MoveInput) {
      const mover = { workflowId: moveLatestId(gate().lane), taskQueue: taskQueue(gate().lane), input };
      await handle.signal(startMoverSignal, mover);
      return moverOf(workflowId);
    },
    async end() {
      await handle.signal(endSignal);
      await handle.result();
      await until('the lane is free', async () => (await laneState(gate())).holder === null);
    },
  };
}

describe('a mover writes nothing', () => {
  fullTest('that a person started, although the release of the build holds the lane and is GREEN', async () => {
    const { sha, digests, handle, goOn } = await catchIn('awaiting-approval', gate(), registry);
    const byHand = await gate().client.workflow.start('MoveLatest', {
      workflowId: moveLatestId(gate().lane),
      taskQueue: taskQueue(gate().lane),
      args: [await orderOf(sha, digests)],
    });
    gate().keep(byHand);
    expect(await awaitRunEnd(byHand)).toMatchObject({
      outcome: 'MoveRefused',
      why: expect.stringContaining('no parent'),
    });
    expect(writes()).toEqual([]);
    await goOn();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('that another workflow started, and reads nothing', async () => {
    const theirs = await foreignParent(() => 'lane-mover-stranger');
    await copyKept(gate());
    const before = registry.requests.length;
    const order = await orderOf(theirs.sha, theirs.digests);
    const read = registry.requests.length - before;
    const mover = await theirs.startMover({ ...order, kind: 'rollback', laneUnavailable: true });
    expect(await awaitRunEnd(mover)).toMatchObject({
      outcome: 'MoveRefused',
      why: `lane-mover-stranger is not the Rollback of ${theirs.sha} on this gate: it moves nothing`,
    });
    expect(registry.requests).toHaveLength(before + read);
    expect(writes()).toEqual([]);
    await theirs.end();
  });

  fullTest('that a workflow under the id of a release started, which even holds the lane', async () => {
    const theirs = await foreignParent((sha) => releaseId(gate().lane, sha));
    await theirs.acquireLane();
    const mover = await theirs.startMover(await orderOf(theirs.sha, theirs.digests));
    expect(await awaitRunEnd(mover)).toMatchObject({
      outcome: 'MoveRefused',
      why: `${theirs.workflowId} is not the CanaryRelease of ${theirs.sha} on this gate: it moves nothing`,
    });
    expect(writes()).toEqual([]);
    await theirs.end();
  });

  fullTest('when it is reset after it has moved', async () => {
    const { sha } = await promoted(gate());
    expect(writes()).toEqual(pairs(1));
    const mover = await moverOf(releaseId(gate().lane, parseSha(sha)));
    // A person put the old build back since.
    await gate().setLatest(old);
    const by = writes().length;
    expect(await awaitRunEnd(await resetTo(gate(), firstTask, mover))).toMatchObject({ outcome: 'MoveRefused' });
    expect(writes()).toHaveLength(by);
  });
});

fullTest('a release that a person drops from the lane while its mover reads :latest moves nothing', async () => {
  const { sha } = await gate().greenBuild();
  const latest = await gate().latest();
  let isSoaking = false;
  let dropped: Promise<unknown> | undefined;
  const heal = registry.faults.add({
    match: (request) => isRead(request) && isSoaking,
    respond: async (_request, serve) => {
      dropped ??= gate().laneClient.update(laneCommandUpdate('drop'), { ...ada, sha });
      await dropped;
      return serve();
    },
  });
  const handle = await gate().release({ sha, soak: '1s' });
  await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
  isSoaking = true;
  const refused = await awaitRunEnd(await moverOf(handle.workflowId));
  expect(refused).toMatchObject({ outcome: 'MoveRefused', why: `${handle.workflowId} does not hold the lane` });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  heal();
  expect(await gate().latest()).toEqual(latest);
  expect(writes()).toEqual([]);
});
