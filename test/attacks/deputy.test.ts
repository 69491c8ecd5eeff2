import { join } from 'node:path';
import { ActivityFailure, ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  moveLatestId,
  moveTaskQueue,
  releaseId,
  rollbackId,
  taskQueue,
  waitTaskQueue,
} from '../../src/contract/ids.js';
import type { Digest, Repository } from '../../src/contract/image.js';
import type { MoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startTenant } from '../../testbed/tenant.js';
import { testBundle } from '../support/bundles.js';
import { useCountedGate } from '../support/counted-gate.js';
import type { Wanted } from '../support/foreign-workflows.js';
import { logged } from '../support/gate.js';
import { copyKept, laneState } from '../support/lanes.js';
import { catchIn } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const { gate, old, registry, writes, pairs } = await useCountedGate('attack-deputy', { CANARY_TAG: 'canary' });

const FOREIGN_QUEUE = 'attack-deputy-foreign';
let foreign: Worker;
let running: Promise<void>;
beforeAll(async () => {
  const workflowBundle = await testBundle(join(import.meta.dirname, '..', 'support', 'foreign-workflows.ts'));
  foreign = await Worker.create({ connection: gate().connection, taskQueue: FOREIGN_QUEUE, workflowBundle });
  running = foreign.run();
});
afterAll(async () => {
  foreign.shutdown();
  await running;
});

/** Lets a workflow of another project schedule an activity of the gate; the failure of that activity. */
async function scheduled(
  type: string,
  workflowId: string,
  wanted: Omit<Wanted, 'taskQueue'>,
  at?: (run: string) => Promise<void>,
  queue: string = moveTaskQueue(gate().lane),
) {
  const handle = await gate().client.workflow.start(type, {
    workflowId,
    taskQueue: FOREIGN_QUEUE,
    args: [{ ...wanted, taskQueue: queue }],
    ...(at && { startDelay: '3s' }),
  });
  await at?.(handle.firstExecutionRunId);
  const failed: unknown = await handle.result().catch((error: unknown) => error);
  const cause = failed instanceof WorkflowFailedError ? failed.cause : failed;
  return cause instanceof ActivityFailure && cause.cause instanceof ApplicationFailure
    ? cause.cause
    : { type: 'none', message: JSON.stringify(failed) };
}

async function orderOf(
  sha: string,
  digests: (string | undefined)[],
  kind: MoveInput['kind'] = 'promotion',
): Promise<MoveInput> {
  const images = digests.map((to, index) => ({
    repository: `${gate().host}/${gate().repositories[index]}` as Repository,
    to: to as Digest,
    from: null,
  }));
  return { kind, sha: parseSha(sha), images, by: 'mallory', reason: 'because' };
}

describe('a workflow of another project', () => {
  fullTest('writes nothing in the name of a release that holds the lane and waits for approval', async () => {
    const { sha, digests, handle, goOn } = await catchIn('awaiting-approval', gate(), registry);
    const parent = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
    const order = { ...(await orderOf(sha, digests)), accepted: true };
    const observed = order.images.map(({ repository }) => ({ repository, digest: null }));
    const wanted = { name: 'moveTags', args: [order, observed, parent] };
    for (const [type, id] of [
      ['Payroll', 'payroll'],
      ['MoveLatest', moveLatestId(gate().lane)],
    ] as const)
      expect(await scheduled(type, id, wanted)).toMatchObject({ type: 'MoveRefused', nonRetryable: true });
    expect(writes()).toEqual([]);
    await goOn();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(1));
  });

  test('points no tag, :latest or the canary tag, though it holds the lane under the id of a release', async () => {
    const { sha, digests } = await gate().greenBuild();
    const before = await gate().latest();
    await copyKept(gate());
    const requests = registry.requests.length;
    const images = (await orderOf(sha, digests)).images.map(({ repository, to }) => ({ repository, digest: to }));
    for (const tag of ['latest', 'canary']) {
      const id = releaseId(gate().lane, parseSha(sha));
      const failed = await scheduled('CanaryRelease', id, { name: 'pointTag', args: [tag, images] }, async (runId) => {
        await gate().laneClient.joinQueue({ workflowId: id, runId, sha: parseSha(sha), manual: true });
        await until('it holds the lane', async () => (await laneState(gate())).holder?.runId === runId);
      });
      expect(failed).toMatchObject({
        nonRetryable: true,
        message: expect.stringMatching(/refused|is not a CanaryRelease of this gate/),
      });
      await until('the lane is free', async () => (await laneState(gate())).holder === null);
    }
    expect(await gate().latest()).toEqual(before);
    expect(registry.requests.slice(requests).filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('smokes no canary, and tells no events in the name of a release', async () => {
    const sha = newSha();
    const [canary] = gate().tenants;
    const tenant = { name: canary?.name, origin: canary?.url };
    const before = canary?.requests.length;
    const id = releaseId(gate().lane, parseSha(sha));
    const at = new Date().toISOString();
    const event = { type: 'promoted', id: '1', at, workflow: 'CanaryRelease', workflowId: id, sha, by: 'the CTO' };
    for (const [name, args, queue] of [
      ['smokeTenant', [tenant, 0], taskQueue(gate().lane)],
      ['publish', [[event]], waitTaskQueue(gate().lane)],
    ] as const)
      expect(await scheduled('CanaryRelease', id, { name, args: [...args] }, undefined, queue)).toMatchObject({
        type: 'MoveRefused',
        message: expect.stringMatching(/is not a CanaryRelease of this gate/),
      });
    expect(canary?.requests.length).toBe(before);
    expect(logged.filter(({ meta }) => meta?.sha === sha)).toEqual([]);
  });

  test('announces no rollback, reports no move, and ends no mover', async () => {
    const sha = newSha();
    const { ledger } = await laneState(gate());
    const id = rollbackId(gate().lane, parseSha(sha));
    const order = await orderOf(sha, await gate().latest(), 'rollback');
    const run = { workflowId: id, runId: '01a211fd-bef0-7dad-9344-000000000001' };
    const report = { moverRunId: run.runId, parent: run, input: { ...order, by: 'the CTO' }, images: 'stopped' };
    expect(
      await scheduled('Rollback', id, {
        name: 'announceRollback',
        args: [{ sha, force: true, by: 'ada', reason: 'x' }],
      }),
    ).toMatchObject({ type: 'MoveRefused' });
    expect(await scheduled('Rollback', id, { name: 'endMover', args: [0] })).toMatchObject({ type: 'MoveRefused' });
    expect(
      await scheduled('MoveLatest', moveLatestId(gate().lane), { name: 'reportMove', args: [report] }),
    ).toMatchObject({ type: 'MoveRefused' });
    expect((await laneState(gate())).ledger).toEqual(ledger);
  });
});

test('a release on the queue of another lane moves nothing there', async () => {
  const { sha } = await gate().greenBuild();
  const handle = await gate().client.workflow.start('CanaryRelease', {
    workflowId: releaseId('bb' as never, parseSha(sha)),
    taskQueue: taskQueue(gate().lane),
    args: [{ sha, promoteOnly: true, requestedBy: 'ada', reason: 'a slip' }],
  });
  // It waits for workers of its own lane, of which there are none.
  const lane = gate().client.workflow.getHandle('bb-release-lane');
  await until('it waits', async () => (await handle.describe()).historyLength > 4);
  await handle.terminate();
  await lane.terminate().catch(() => undefined);
  expect(writes()).toEqual([]);
});

test('a standalone activity moves, asks and records nothing, and says so in one line', async () => {
  const listener = await startTenant({ name: 'listener', token: 'x' });
  const { ledger } = await laneState(gate());
  await copyKept(gate());
  const asked = registry.requests.length;
  const { sha, digests } = { sha: old, digests: await gate().latest() };
  const order = await orderOf(sha, digests);
  const sent = registry.requests.length;
  const run = { workflowId: 'x', runId: '01a211fd-bef0-7dad-9344-000000000001' };
  const plan = {
    tenants: [{ name: 'one', origin: gate().tenants[0]?.url }],
    buildProbe: [{ path: `${listener.url}/steal`, field: 'sha' }],
  };
  const attempts: [string, string, unknown[]][] = [
    [taskQueue(gate().lane), 'awaitBuild', [sha, plan, 0]],
    [taskQueue(gate().lane), 'resolveBuild', [sha, ['127.0.0.1:1/x']]],
    [moveTaskQueue(gate().lane), 'preflightMove', [order]],
    [moveTaskQueue(gate().lane), 'moveTags', [order, [], run]],
    [moveTaskQueue(gate().lane), 'pointTag', ['latest', order.images]],
    [
      moveTaskQueue(gate().lane),
      'reportMove',
      [{ moverRunId: run.runId, parent: run, input: { ...order, by: 'the CTO' }, images: 'stopped' }],
    ],
  ];
  for (const [queue, name, args] of attempts) {
    const handle = await gate().client.activity.start(name, {
      id: `attack-${name}`,
      taskQueue: queue,
      args,
      scheduleToCloseTimeout: '20s',
    });
    const failed = await handle.result().catch((error: { cause?: Error }) => error.cause ?? error);
    expect(failed).toMatchObject({
      type: 'MoveRefused',
      message: `${name} refused: it belongs to no run of this gate (fix: start it by canary, not by hand)`,
    });
  }
  expect(registry.requests).toHaveLength(sent);
  expect(sent - asked).toBeLessThanOrEqual(2);
  expect(listener.requests).toEqual([]);
  expect((await laneState(gate())).ledger).toEqual(ledger);
  await listener.stop();
});
