import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../../src/contract/lane.js';
import { readLaneRecord } from '../../../src/temporal/records/lane-record.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { adopted, endLane, laneHandle, laneState, promoted, queuedRelease, startLane } from '../../support/lanes.js';
import { type Caught, catchIn, type Phase } from '../../support/phases.js';
import { firstTask, lastTask, resetTo } from '../../support/resets.js';
import { fullTest, rows } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { registry, gate, old, writes, pairs } = await useCountedGate('lane-recovery');

/** Terminates the lane, starts it, and gives what it knew before and knows now. */
async function startedAnew(): Promise<{ before: LaneState; now: LaneState }> {
  const before = await laneState(gate());
  await endLane(gate());
  await startLane(gate());
  const now = await laneState(gate());
  // Each renewal of a lease is not on record: it counts as granted now.
  if (before.move && now.move && (before.move.leaseGrantedAt ?? 0) <= (now.move.leaseGrantedAt ?? 0))
    before.move.leaseGrantedAt = now.move.leaseGrantedAt as number;
  return { before, now };
}

/** A build is live and is rolled back from, and the lane knows the end of that. */
async function rolledBack(live = adopted) {
  const bad = await live(gate());
  await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
  await until('the lane knows its end', async () => (await laneState(gate())).rollback === null);
  return bad;
}

/** The one that was caught goes on, and the other comes after it. */
async function requireBothPromoted(first: Caught, second: Awaited<ReturnType<typeof queuedRelease>>) {
  await first.goOn();
  expect((await awaitRunEnd(first.handle)).report).toMatchObject({ outcome: 'promoted' });
  gate().deploy({ sha: second.sha });
  expect((await awaitRunEnd(second.handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(second.digests);
}

describe('a lane that is terminated', () => {
  test.each(rows<Phase>(['awaiting-canary', 'soaking', 'awaiting-approval', 'promoting'], ['promoting']))(
    'while a release is %s and another one waits: the first continues, the other follows',
    async (phase) => {
      const first = await catchIn(phase, gate(), registry, { soak: phase === 'soaking' ? '8s' : '1s' });
      const second = await queuedRelease(gate());
      const { before, now } = await startedAnew();
      expect(now).toEqual(before);
      expect(now).toMatchObject({ holder: { sha: first.sha }, queue: [{ sha: second.sha }] });
      await requireBothPromoted(first, second);
      expect(writes()).toEqual(pairs(2));
    },
  );

  fullTest('is started by the release that waits for it, which keeps its place', async () => {
    const first = await catchIn('awaiting-canary', gate(), registry);
    const second = await queuedRelease(gate());
    const before = await laneState(gate());
    await endLane(gate());
    expect(await laneState(gate())).toEqual(before);
    await first.goOn();
    await awaitRunEnd(first.handle);
    gate().deploy({ sha: second.sha });
    expect((await awaitRunEnd(second.handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(2));
  });

  test('is known by its history alone: no worker runs its code for that', async () => {
    const bad = await rolledBack();
    await gate().sendToLane('pause', { ...ada, until: '2099-01-01T00:00:00Z' });
    const { runId } = await laneHandle(gate()).describe();
    await gate().stopWorker();
    const { workflowId } = laneHandle(gate());
    const { state, isWhole } = await readLaneRecord(gate().client, { workflowId, runId }, () => false);
    expect(isWhole).toBe(true);
    expect(state?.ledger).toMatchObject({
      pause: { by: ada.by },
      hold: { name: 'after-rollback' },
      knownBad: expect.arrayContaining([expect.objectContaining({ sha: bad.sha })]),
      history: expect.arrayContaining([expect.objectContaining({ sha: old, kind: 'rollback' })]),
    });
    await gate().startWorker();
    await gate().sendToLane('resume', ada);
  });

  test('after a rollback, and once more, knows the known-bad build, its hold and the expected :latest', async () => {
    const bad = await rolledBack();
    const { before, now: first } = await startedAnew();
    expect(first).toEqual(before);
    const { now } = await startedAnew();
    expect(now).toEqual(before);
    expect(now.ledger).toMatchObject({
      hold: { name: 'after-rollback' },
      // With those of the tests before, which came after that one too.
      knownBad: expect.arrayContaining([expect.objectContaining({ sha: bad.sha })]),
      history: expect.arrayContaining([expect.objectContaining({ sha: old, kind: 'rollback' })]),
    });

    expect((await awaitRunEnd(await gate().release({ sha: bad.sha }))).report).toMatchObject({
      outcome: 'CanaryBuildBad',
    });
    const next = await gate().greenBuild();
    const handle = await gate().release({ sha: next.sha });
    const hold = await heldFor(gate(), handle, 'after-rollback');
    expect(writes()).toEqual(pairs(2));
    await say(handle, 'approve', { ...ada, hold: hold.id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(writes()).toEqual(pairs(3));
  });

  test('before it ran, and before it had recovered, is passed over for the one before it', async () => {
    await adopted(gate());
    const before = await laneState(gate());
    await gate().stopWorker();
    await endLane(gate());
    // No one works: this one never runs.
    await startLane(gate());
    await endLane(gate());
    const unrecovered = await startLane(gate());
    await gate().startWorker();
    const handle = gate().client.workflow.getHandle(laneHandle(gate()).workflowId, unrecovered);
    await until('it has begun to recover', async () => (await handle.describe()).historyLength > 4);
    await endLane(gate());
    await startLane(gate());
    expect(await laneState(gate())).toEqual(before);
  });
});

describe('a lane that is reset', () => {
  /** Events after which it goes on as a new run: so many come of a release. */
  const MAX_EVENTS = 60;
  fullTest.each<[string, unknown[], typeof firstTask]>([
    ['to its first task', [], firstTask],
    ['to its last task', [], lastTask],
    ['to where it had gone on as a new run', [null, MAX_EVENTS], firstTask],
  ])('%s knows the holder, the queue, the known-bad builds and its hold', async (_where, args, task) => {
    await endLane(gate());
    await startLane(gate(), args);
    // No person sends the lane anything: a reset applies once more what came after its point.
    const bad = await rolledBack(promoted);
    const first = await catchIn('awaiting-approval', gate(), registry);
    const second = await queuedRelease(gate());
    const before = await laneState(gate());
    const { runId } = await laneHandle(gate()).describe();
    const lane = gate().client.workflow.getHandle(laneHandle(gate()).workflowId, runId);
    await resetTo(gate(), task, Object.assign(lane, { firstExecutionRunId: runId }));

    const known = ({ holder, queue, ledger }: LaneState) => ({
      holder: holder?.sha,
      queue: queue.map(({ sha }) => sha),
      bad: ledger.knownBad.map(({ sha }) => sha),
      hold: ledger.hold?.name,
      left: ledger.expectedLatest?.images,
    });
    expect(known(before)).toMatchObject({ holder: first.sha, queue: [second.sha], hold: 'after-rollback' });
    await until('it knows all that', async () => isDeepStrictEqual(known(await laneState(gate())), known(before)));
    expect((await awaitRunEnd(await gate().release({ sha: bad.sha }))).report).toMatchObject({
      outcome: 'CanaryBuildBad',
    });
    await requireBothPromoted(first, second);
    expect(writes()).toEqual(pairs(4));
    await endLane(gate());
  });
});
