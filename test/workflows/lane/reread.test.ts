import { describe, expect, test } from 'vitest';
import { openAlarms } from '../../../src/lane/view.js';
import { LONG_READ_MS, laneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { logged } from '../../support/gate.js';
import { endLane, laneHandle, laneState, makeLaneSettled, promoted } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { startSeededLane } from '../../support/seeds.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const { gate, writes, pairs } = await useCountedGate('lane-reread');

const alarms = () => logged.filter(({ message, meta }) => message === 'alarm' && meta?.alarm === 'latest-moved');

/** The timers of the lane that run for that long, in seconds. */
async function timersOf(from: number, to: number): Promise<number> {
  const { events } = await laneHandle(gate()).fetchHistory();
  return (events ?? []).filter(({ timerStartedEventAttributes: timer }) => {
    const seconds = Number(timer?.startToFireTimeout?.seconds ?? 0);
    return from <= seconds && seconds <= to;
  }).length;
}

describe('a minute after a move the lane reads :latest of both images once more', () => {
  test('and waits that minute with one timer', async () => {
    // The one of the adoption before.
    const before = await until('the lane waits', () => timersOf(50, 60));
    await promoted(gate());
    await until('it waits', async () => (await timersOf(50, 60)) === before + 1);
  });

  fullTest('an expected :latest does not put the lane on hold', async () => {
    await promoted(gate());
    await makeLaneSettled(gate());
    expect((await laneState(gate())).ledger.hold).toBeNull();
    expect(alarms()).toEqual([]);
  });

  fullTest('a :latest that was moved from outside puts the lane on hold, and an alarm says where it is', async () => {
    await promoted(gate());
    const theirs = newSha();
    const [digest = '', other = ''] = await gate().publish(theirs);
    await gate().retag(theirs, 'latest');
    await makeLaneSettled(gate());
    const hold = await until('it is on hold', async () => (await laneState(gate())).ledger.hold);
    expect(hold).toMatchObject({ name: 'latest-moved', by: 'the lane' });
    for (const each of [digest, other]) expect(hold.why).toContain(each);
    // The lane may also have read in the midst of what a set-up moved, one image after the other.
    await until('the alarm is out', () => alarms().some(({ meta }) => meta?.why === hold.why));
    expect(alarms().filter(({ meta }) => meta?.why === hold.why)).toHaveLength(1);
    expect(await gate().latest()).toEqual([digest, other]);
    // Ours, and what was moved by hand.
    expect(writes()).toEqual(pairs(2));
  });

  fullTest(
    'a :latest that was moved from outside after a rollback raises the alarm too, and its hold stays',
    async () => {
      const good = await promoted(gate());
      const bad = await promoted(gate());
      await awaitRunEnd(await gate().rollback({ sha: good.sha, reason: 'it is slow', requestedBy: 'ada' }));
      await gate().retag(bad.sha, 'latest');
      const [digest = ''] = bad.digests;
      await makeLaneSettled(gate());
      await until('the alarm is out', () => alarms().some(({ meta }) => String(meta?.why).includes(digest)));
      const state = await laneState(gate());
      expect(state.ledger.hold).toMatchObject({ name: 'after-rollback' });
      expect(openAlarms(state)).toEqual(['after-rollback', 'latest-moved']);
    },
  );
});

test('a lane that has just continued as new is read once it serves, not taken for one that does not answer', async () => {
  const before = await laneState(gate());
  await endLane(gate());
  await startSeededLane(gate(), before);
  // Its worker has only just started, so the lane has recovered nothing yet.
  const { client, lane } = gate();
  expect((await laneClient(client, lane, LONG_READ_MS).state())?.ledger.history).toEqual(before.ledger.history);
});
