import { expect, onTestFinished, test } from 'vitest';
import { releaseLaneId } from '../../../src/contract/ids.js';
import { beginRollbackSignal, forceUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { canary as run } from '../../support/cli.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { statusOf } from '../../support/decisions.js';
import { endLane, laneHandle } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { delayRequests, isTagRead } from '../../support/phases.js';
import { rollBack } from '../../support/rollbacks.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const LANE = 'rollback-force';
const { registry, gate, writes, pairs } = await useCountedGate(LANE);
const canary = (...args: string[]) => run([...args, '--reason', 'search is slow'], { CANARY_LANE: LANE });
const force = (sha: string, by: string) => canary('rollback', sha, '--force', '--by', by);

/** Build that needs force, because it was never promoted. */
async function unknownBuild() {
  const sha = newSha();
  return { sha, digests: await gate().publish(sha) };
}

/** An unforced rollback that waits for the registry. */
async function waiting() {
  const { sha, digests } = await unknownBuild();
  const read = delayRequests({ gate: gate(), registry }, isTagRead(sha));
  onTestFinished(read.release);
  const handle = await rollBack(gate(), sha);
  await until('it waits for the registry', read.reached);
  return { sha, digests, handle, release: read.release };
}

/** Puts the lane on a queue that no worker polls, until the end of the test. */
async function laneNobodyServes() {
  await endLane(gate());
  const { client, lane } = gate();
  await client.workflow.start('ReleaseLane', { workflowId: releaseLaneId(lane), taskQueue: 'unpolled-queue' });
  onTestFinished(async () => void (await endLane(gate())));
}

test('a rollback that waits is replaced by a forced one, of the person who forces it first', async () => {
  const { sha, digests, handle, release } = await waiting();
  const both = [force(sha, 'bob'), force(sha, 'carol')];
  await until('it is forced', async () => (await statusOf(gate(), handle))?.why.includes('; forced by '));
  release();
  const ended = await Promise.all(both);
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  const { report } = await awaitRunEnd(handle);
  expect(report).toMatchObject({
    outcome: 'rolled-back',
    force: true,
    requestedBy: expect.stringMatching(/^(bob|carol)$/),
    reason: 'search is slow',
  });
  const attached = `${handle.workflowId} is already running: attached; `;
  expect(ended.map(({ err }) => err[0]).sort()).toEqual([
    `${attached}it is forced from now on`,
    `${attached}it was forced before by ${report?.requestedBy}: search is slow`,
  ]);
  expect(await gate().latest()).toEqual(digests);
  expect(writes()).toEqual(pairs(1));
});

test('a second person who asks for the same rollback in other words is attached to it', async () => {
  const { sha, handle, release } = await waiting();
  const second = canary('rollback', sha, '--by', 'bob');
  await until('it is attached', async () => (await statusOf(gate(), handle)) !== undefined);
  release();
  const { code, err } = await second;
  // The build was never promoted: the end of both, with the command that works now.
  expect([code, err[0], err.at(-1)]).toEqual([
    4,
    `${handle.workflowId} is already running: attached`,
    `canary rollback ${sha} --force --reason …`,
  ]);
  expect(writes()).toEqual([]);
  expect((await force(sha, 'bob')).code).toBe(0);
});

test('a rollback that has begun to move takes neither force nor an abort, and goes on', async () => {
  const live = await unknownBuild();
  await gate().setLatest(live.sha);
  await gate().setLatest((await unknownBuild()).sha);
  const had = writes().length;
  const put = delayRequests({ gate: gate(), registry }, isPut());
  onTestFinished(put.release);
  const handle = await rollBack(gate(), live.sha);
  await until('it writes', put.reached);
  const forced = force(live.sha, 'bob');
  const aborted = await canary('abort', live.sha, '--rollback');
  expect(aborted).toMatchObject({
    code: 1,
    err: ['canary: abort refused: the move is under way and finishes; canary rollback moves back'],
  });
  put.release();
  const { code, err } = await forced;
  expect([code, err[0]]).toEqual([
    0,
    `${handle.workflowId} is already running: attached; force refused: the move is under way and finishes; canary rollback moves back`,
  ]);
  expect((await awaitRunEnd(handle)).report).not.toHaveProperty('force');
  expect(await gate().latest()).toEqual(live.digests);
  expect(writes().slice(had)).toHaveLength(2);
});

fullTest('an abort ends a rollback that waits for the registry, and nothing moves', async () => {
  const { sha, handle } = await waiting();
  expect(await canary('abort', sha)).toMatchObject({
    code: 0,
    out: [expect.stringContaining('abort accepted: the rollback ends')],
  });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
  expect(writes()).toEqual([]);
  expect(await canary('abort', sha)).toMatchObject({
    code: 1,
    err: [`canary: abort refused: the rollback has ended: CanaryAborted (canary report ${sha} --rollback)`],
  });
});

fullTest(
  'while no worker polls the queue of the lane, a rollback that announces itself takes force, and the lane reads of that last',
  async () => {
    await laneNobodyServes();
    const { sha, digests } = await unknownBuild();
    const handle = await rollBack(gate(), sha);
    await until('it announces itself', async () => (await statusOf(gate(), handle))?.phase === 'announcing');
    expect((await force(sha, 'bob')).code).toBe(0);
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'rolled-back',
      force: true,
      laneUnavailable: true,
    });
    expect(await gate().latest()).toEqual(digests);
    const { events } = await laneHandle(gate()).fetchHistory();
    const signals = (events ?? []).filter(
      ({ workflowExecutionSignaledEventAttributes: one }) => one?.signalName === beginRollbackSignal.name,
    );
    const sent = signals.map(({ workflowExecutionSignaledEventAttributes: one }) =>
      JSON.parse(Buffer.from(one?.input?.payloads?.[0]?.data ?? []).toString()),
    );
    expect(sent.at(-1)).toMatchObject({ sha, force: true, by: 'bob' });
  },
  90_000,
);

fullTest('a rollback is forced with a reason that is longer than one of its start', async () => {
  const { digests, handle, release } = await waiting();
  await handle.executeUpdate(forceUpdate, { args: [{ by: 'bob', reason: 'it burns '.repeat(200) }] });
  release();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back', requestedBy: 'bob' });
  expect(await gate().latest()).toEqual(digests);
  expect((await statusOf(gate(), handle))?.laneUnavailable).toBeUndefined();
});
