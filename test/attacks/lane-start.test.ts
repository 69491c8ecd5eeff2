import { beforeAll, describe, expect, test } from 'vitest';
import { releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { RECORD_MEMO } from '../../src/lane/payloads/changes.js';
import { emptyLane } from '../../src/lane/state.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startOf } from '../../src/temporal/start.js';
import { useCountedGate } from '../support/counted-gate.js';
import { endLane, laneHandle, laneState, promoted, startLane } from '../support/lanes.js';
import { firstRows, fullTest } from '../support/rows.js';
import { startContinued, startForgedLane, startSeededLane } from '../support/seeds.js';
import { until } from '../support/until.js';

const { gate, old } = await useCountedGate('attack-lane-start');

/** Build that was rolled back from. */
let bad = '';
beforeAll(async () => {
  await gate().begin(old);
  bad = (await promoted(gate())).sha;
  await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
  await until('the lane knows its end', async () => (await laneState(gate())).rollback === null);
});

/** A state in which nothing was ever bad, by another person. */
function forged(): LaneState {
  const state = emptyLane();
  const images = gate().repositories.map((name) => ({ repository: `${gate().host}/${name}`, digest: null }));
  const entry = {
    sha: parseSha(bad),
    at: new Date().toISOString(),
    kind: 'promotion',
    by: 'the CTO',
    reason: 'mine',
    images,
  };
  state.fencingToken = 1_000;
  state.ledger.seen = 1_000;
  state.ledger.history.push(entry as never);
  return state;
}

/** The lane knows what it knew, and nothing else. */
async function requireKnowledge(before: LaneState) {
  const { ledger } = await laneState(gate());
  expect(ledger.knownBad.map(({ sha }) => sha)).toContain(bad);
  expect(ledger.history).toEqual(before.ledger.history);
  expect((await awaitRunEnd(await gate().release({ sha: bad }))).report).toMatchObject({ outcome: 'CanaryBuildBad' });
}

describe('what a person starts the lane with', () => {
  test.each<[string, () => unknown[]]>(
    firstRows(2, [
      ['an empty object', () => [{}]],
      ['a forged state', () => [forged()]],
      ['no state, and 0 events', () => [null, 0]],
      ['text, and no number', () => ['what?', 'many']],
    ]),
  )('is ignored: %s', async (_what, args) => {
    const before = await laneState(gate());
    await endLane(gate());
    await startLane(gate(), args());
    await requireKnowledge(before);
    // Nor does a lane after it believe it.
    await endLane(gate());
    await startLane(gate());
    await requireKnowledge(before);
  });

  test('is ignored, also if it is a memo that looks like a record of changes', async () => {
    const before = await laneState(gate());
    await endLane(gate());
    const text = JSON.stringify({ to: forged() });
    await gate().client.workflow.start('ReleaseLane', {
      workflowId: releaseLaneId(gate().lane),
      taskQueue: taskQueue(gate().lane),
      memo: { [RECORD_MEMO]: { version: 1, text } },
    });
    await laneState(gate());
    await endLane(gate());
    await startLane(gate());
    await requireKnowledge(before);
  });

  test('is ignored, also if another workflow hands it on as its own', async () => {
    const before = await laneState(gate());
    await endLane(gate());
    await startContinued(gate(), {
      workflowId: releaseLaneId(gate().lane),
      workflowType: 'ReleaseLane',
      args: [forged()],
    });
    await requireKnowledge(before);
  });
});

fullTest('a lane of a worker of another person is not read, whatever its history says', async () => {
  const before = await laneState(gate());
  await endLane(gate());
  await startForgedLane(gate(), forged());
  expect(await gate().laneClient.state()).toBeNull();
  await endLane(gate());
  await startLane(gate());
  await requireKnowledge(before);
});

describe('a recovery passes over', () => {
  test.each<[string, string, () => string]>([
    ['a lane on another queue', 'ReleaseLane', () => 'a-slip-of-the-form'],
    ['a run of another type', 'CheckDrift', () => taskQueue(gate().lane)],
  ])('%s', async (_what, type, queue) => {
    const before = await laneState(gate());
    await endLane(gate());
    await gate().client.workflow.start(type, {
      workflowId: releaseLaneId(gate().lane),
      taskQueue: queue(),
      args: [forged()],
    });
    await laneHandle(gate())
      .terminate('by the test')
      .catch(() => undefined);
    await startLane(gate());
    await requireKnowledge(before);
  });

  test('none that knows less than one before it: the lane is on hold, with the known-bad builds of both', async () => {
    const before = await laneState(gate());
    await endLane(gate());
    await startSeededLane(gate(), emptyLane());
    await laneState(gate());
    await endLane(gate());
    await startLane(gate());
    const { ledger } = await laneState(gate());
    expect(ledger).toMatchObject({ ...before.ledger, hold: expect.anything() });
    expect(ledger.knownBad.map(({ sha }) => sha)).toContain(bad);
  });
});

/** Deletes the closed runs of the lane that are newer than one of them, as anyone who may write to the namespace can. */
async function forgetAfter(runId: string) {
  const { client, connection, lane } = gate();
  const list = async () => {
    const runs: { runId: string; at: number }[] = [];
    for await (const run of client.workflow.list({ query: `WorkflowId = '${releaseLaneId(lane)}'` }))
      if (run.status.name !== 'RUNNING') runs.push({ runId: run.runId, at: run.startTime.getTime() });
    return runs.sort((a, b) => b.at - a.at);
  };
  await until('it is listed', async () => (await list()).some((run) => run.runId === runId));
  await until(
    'the newer ones are gone',
    async () => {
      const runs = await list();
      const newer = runs.slice(
        0,
        runs.findIndex((run) => run.runId === runId),
      );
      for (const run of newer)
        await connection.workflowService
          .deleteWorkflowExecution({
            namespace: client.options.namespace,
            workflowExecution: { workflowId: releaseLaneId(lane), runId: run.runId },
          })
          .catch(() => undefined);
      return newer.length === 0;
    },
    60_000,
  );
}

// The server takes its time to forget a run.
fullTest(
  'a person who deletes runs of the lane neither hands it a state, nor makes it forget without a hold',
  {
    timeout: 90_000,
  },
  async () => {
    await endLane(gate());
    await startLane(gate(), [null, 20]);
    const continuedFrom = await until('it has continued', async () => {
      await gate().sendToLane('unhold', { by: 'ada', reason: 'looked at it' });
      const { runId } = await laneHandle(gate()).describe();
      return (await startOf(gate().client, releaseLaneId(gate().lane), runId)).continuedFrom;
    });
    const before = await laneState(gate());
    expect(before.ledger.hold).toBeNull();
    await endLane(gate());
    await gate().stopWorker();
    await startContinued(gate(), {
      workflowId: releaseLaneId(gate().lane),
      workflowType: 'ReleaseLane',
      args: [forged()],
    });
    await forgetAfter(continuedFrom);
    await gate().startWorker();
    const { ledger } = await laneState(gate());
    expect(ledger.knownBad).toEqual(before.ledger.knownBad);
    expect(ledger.history).toEqual(before.ledger.history);
    expect(ledger.hold).toMatchObject({ name: 'not-recovered' });
  },
);
