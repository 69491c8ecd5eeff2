import { beforeAll, beforeEach, expect, test } from 'vitest';
import { checkDriftId, parseLane, taskQueue } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import { laneClient } from '../../src/temporal/lane-client.js';
import { scheduleDriftCheck } from '../../src/temporal/namespace.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { logged, useGate } from '../support/gate.js';
import { endLane, laneState } from '../support/lanes.js';
import { childrenOf, removeManifest } from '../support/manifests.js';
import { PATIENT } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('check-drift', () => ({ env: PATIENT }));
const [OLD, OTHER] = [newSha(), newSha()];
beforeAll(async () => {
  await gate().begin(OLD);
  await gate().publish(OTHER);
});
beforeEach(() => gate().setLatest(OLD));

async function check() {
  const handle = await gate().client.workflow.start('CheckDrift', {
    workflowId: checkDriftId(gate().lane),
    taskQueue: taskQueue(gate().lane),
  });
  return gate().keep(handle).result();
}
const remove = (image: number, digest: string | undefined) => removeManifest(gate(), image, digest);
const told = () => alarms('rollback-target-missing').map(({ meta }) => String(meta?.why));
const alarms = (name: string) => logged.filter(({ message, meta }) => message === 'alarm' && meta?.alarm === name);

test('a :latest where the last move left it raises no alarm', async () => {
  expect(await check()).toMatchObject({ moved: [], missing: [] });
  expect((await laneState(gate())).ledger.hold).toBeNull();
  // The lane knows that now, so nothing is reported, and its history does not grow.
  expect(await check()).toBeNull();
});

test('a :latest that was moved with crane raises one alarm per change, and puts the lane on hold', async () => {
  await gate().retag(OTHER, 'latest');
  const found = await check();
  expect(found).toMatchObject({
    moved: [
      { repository: expect.stringMatching(/platform$/) },
      { repository: expect.stringMatching(/platform-tenant$/) },
    ],
  });
  await check();
  expect((await laneState(gate())).ledger.hold).toMatchObject({ name: 'latest-moved' });
  await gate().retag(OLD, 'latest');
  await check();
  await gate().retag(OTHER, 'latest');
  await gate().laneClient.update(laneCommandUpdate('unhold'), { by: 'ada', reason: 'it was back' });
  const again = BigInt(Date.now()) * 1_000_000n;
  await check();
  // Lines come in order: with the last one all are here.
  await until('it is said again', () => alarms('latest-moved').some(({ timestampNanos }) => timestampNanos > again));
  expect(alarms('latest-moved')).toHaveLength(2);
});

fullTest(
  'a GREEN build after such a drift waits for a person, who sees where :latest is, and is promoted over it on approve',
  async () => {
    await gate().retag(OTHER, 'latest');
    await check();
    const stands = await gate().latest();
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    const { id, why } = await heldFor(gate(), handle, 'latest-moved');
    expect(why).toContain(stands[0]);
    expect(await gate().latest()).toEqual(stands);
    await say(handle, 'approve', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    expect((await laneState(gate())).ledger.hold).toBeNull();
  },
);

fullTest('a lane that a person ended is started again, with all it knew, and the next check compares', async () => {
  const before = await laneState(gate());
  await endLane(gate());
  await gate().retag(OTHER, 'latest');
  expect(await check()).toBeNull();
  expect((await laneState(gate())).ledger.expectedLatest).toEqual(before.ledger.expectedLatest);
  expect(await check()).toMatchObject({ moved: [{ repository: expect.stringMatching(/platform$/) }, {}] });
});

test('a lane that never ran is not started', async () => {
  const lane = laneClient(gate().client, parseLane(`${gate().lane}-never`));
  await lane.beginAgain();
  expect(await lane.openRun()).toBeNull();
});

test('the schedule of canary setup is made once, and starts the check', async () => {
  expect(await scheduleDriftCheck(gate().client, gate().lane)).toBe(false);
  expect(await scheduleDriftCheck(gate().client, gate().lane)).toBe(true);
  const schedule = gate().client.schedule.getHandle(checkDriftId(gate().lane));
  const { spec, policies } = await schedule.describe();
  expect([spec.intervals?.[0]?.every, policies.overlap]).toEqual([300_000, 'SKIP']);
  await schedule.trigger();
  const action = await until(
    'it has started one',
    async () => (await schedule.describe()).info.recentActions[0]?.action,
  );
  const { workflowId, firstExecutionRunId } = action.workflow;
  const handle = Object.assign(gate().client.workflow.getHandle(workflowId), { firstExecutionRunId });
  expect(await gate().keep(handle).result()).toMatchObject({ moved: [] });
  await schedule.delete();
});

fullTest('a rollback target whose manifest was deleted is named, once, and puts nothing on hold', async () => {
  const target = newSha();
  const [digest, other] = await gate().publish(target);
  await gate().retag(target, 'latest');
  await gate().adoptAlone(target);
  await gate().setLatest(OLD);
  expect(await check()).toMatchObject({ missing: [] });
  await remove(0, digest);
  expect(await check()).toMatchObject({
    moved: [],
    missing: [{ text: expect.stringContaining(digest ?? '') }],
  });
  await check();
  await remove(1, other);
  await check();
  await until('the second is told', () => told().some((why) => why.includes(other ?? '')));
  expect(told()).toEqual([expect.stringContaining(target.slice(0, 7)), expect.stringContaining(target.slice(0, 7))]);
  expect((await laneState(gate())).ledger.hold).toBeNull();
  const { out } = await canary(['status'], { CANARY_LANE: gate().lane });
  const gone = `GONE     a rollback to ${target.slice(0, 7)} would fail: `;
  expect(out.filter((line) => line.startsWith(gone))).toHaveLength(2);
});

test('every manifest of the last three good builds is requested: a missing child of the third is named; older and known-bad builds are not checked', async () => {
  const [fourth, third, second, bad, newest] = [newSha(), newSha(), newSha(), newSha(), newSha()];
  const put = async (sha: string) => {
    const digests = await gate().publish(sha);
    await gate().setLatest(sha);
    return digests;
  };
  const [ofFourth, ofThird] = [await put(fourth), await put(third)];
  await put(second);
  const ofBad = await put(bad);
  const back = await gate().rollback({ sha: second, reason: 'it burns', requestedBy: 'ada' });
  expect((await awaitRunEnd(back)).report).toMatchObject({ outcome: 'rolled-back' });
  expect((await laneState(gate())).ledger.knownBad.map(({ sha }) => sha)).toEqual([bad]);
  await put(newest);
  expect(await check()).toMatchObject({ moved: [], missing: [] });

  const [, child = ''] = await childrenOf(gate(), 1, ofThird[1]);
  await remove(1, child);
  for (const image of [0, 1]) for (const gone of [ofFourth, ofBad]) await remove(image, gone[image]);

  const { missing } = (await check()) ?? {};
  expect(missing).toEqual([expect.objectContaining({ text: expect.stringContaining(child) })]);
  expect(missing?.[0]?.text).toMatch(
    new RegExp(`^a rollback to ${third.slice(0, 7)} would fail: .*/platform-tenant, `),
  );
  await until('it is told', () => told().some((why) => why.includes(child)));
});
