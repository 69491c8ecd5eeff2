import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { releaseLaneId, taskQueue } from '../../../src/contract/ids.js';
import { LANE_TASK_TIMEOUT } from '../../../src/temporal/lane-client.js';
import { payloadCodec } from '../../../src/temporal/payloads/codec.js';
import { parsePayloadKeys } from '../../../src/temporal/payloads/keys.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { type ListAnswer, type ListFault, startTemporalProxy } from '../../../testbed/temporal-proxy.js';
import { ada } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { copyKept, endLane, laneHandle, laneState, promoted, startLane } from '../../support/lanes.js';
import { PATIENT } from '../../support/phases.js';
import { fullTest } from '../../support/rows.js';
import { temporalAddress } from '../../support/servers.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const UNAVAILABLE = 14;
/** Events after which the lane of these tests goes on as a new run. */
const MAX_EVENTS = 40;

/** What visibility does to the worker. */
let refused = false;
let fault: ListFault = (_query, read) => read();
/** Queries of the worker. */
let asked: string[] = [];

let proxy: Awaited<ReturnType<typeof startTemporalProxy>>;
let registry: MemoryRegistry;
const gate = useGate('lane-unlisted', async () => {
  registry = await startMemoryRegistry();
  proxy = await startTemporalProxy(
    temporalAddress(),
    (call) => {
      if (call === 'ListWorkflowExecutions' && refused) asked.push('refused');
      return call.includes('WorkflowExecutions') && call !== 'GetWorkflowExecutionHistory' && refused
        ? UNAVAILABLE
        : undefined;
    },
    undefined,
    (query, read) => {
      asked.push(query);
      return fault(query, read);
    },
  );
  return { registry: registry.host, workerTemporal: proxy.address, env: PATIENT };
});
afterAll(async () => {
  await proxy.stop();
  await registry.stop();
});

const old = newSha();
beforeEach(async () => {
  await gate().begin(old);
});
afterEach(() => {
  refused = false;
  fault = (_query, read) => read();
  asked = [];
});

type Row = NonNullable<ListAnswer['executions']>[number];

/** Lists of the runs of the lane, altered. */
const lanesListed =
  (alter: (rows: Row[]) => Row[]): ListFault =>
  async (query, read) => {
    const answer = await read();
    const isLane = query.includes(`'${releaseLaneId(gate().lane)}'`);
    return isLane ? { ...answer, executions: alter(answer.executions ?? []) } : answer;
  };

/** Ends the lane and starts it again, and gives what it knew before. */
async function startedAgain() {
  await copyKept(gate());
  const before = await laneState(gate());
  await endLane(gate());
  await startLane(gate());
  return before;
}

test('while the server lists no run, a release and a rollback go on to their ends, also if the lane continues as new', async () => {
  await endLane(gate());
  await startLane(gate(), [null, MAX_EVENTS]);
  await laneState(gate());
  const { runId } = await laneHandle(gate()).describe();
  asked = [];
  refused = true;
  await promoted(gate());
  const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));
  expect(report).toMatchObject({ outcome: 'rolled-back' });
  await until('the lane knows its end', async () => (await laneState(gate())).rollback === null);
  expect((await laneHandle(gate()).describe()).runId).not.toBe(runId);
  // It served at once: nothing waited for a list.
  expect(asked).toEqual([]);
});

describe('a lane that is started again knows all it knew', () => {
  fullTest('although the last one stays listed as running', async () => {
    fault = lanesListed((rows) => rows.map((row) => ({ ...row, status: 1, closeTime: null })));
    const before = await startedAgain();
    expect(await laneState(gate())).toEqual(before);
  });

  test('although the list shows it and the last one only later', async () => {
    const { runId } = await laneHandle(gate()).describe();
    let looks = 0;
    fault = lanesListed((rows) => {
      looks += 1;
      const isOld = (row: Row) => row.startTime !== undefined && row.execution?.runId !== runId;
      return looks > 4 ? rows : rows.filter(isOld).slice(1);
    });
    const before = await startedAgain();
    expect(await laneState(gate())).toEqual(before);
    expect(looks).toBeGreaterThan(4);
  });

  test('although the list never shows the one that the last one had continued as', async () => {
    await endLane(gate());
    await startLane(gate(), [null, MAX_EVENTS]);
    await laneState(gate());
    const { runId: first } = await laneHandle(gate()).describe();
    const next = await until('it has continued', async () => {
      await gate().sendToLane('sequence', { ...ada, sequence: 0 });
      const { runId } = await laneHandle(gate()).describe();
      return runId === first ? null : runId;
    });
    await gate().sendToLane('pause', { ...ada, until: '2099-01-01T00:00:00Z' });
    fault = lanesListed((rows) => rows.filter((row) => row.execution?.runId !== next));
    const before = await startedAgain();
    expect(before.ledger.pause).not.toBeNull();
    expect(await laneState(gate())).toEqual(before);
    await gate().sendToLane('resume', ada);
  });
});

test('a lane that was started with an input that cannot be read knows all the last one knew', async () => {
  await copyKept(gate());
  const before = await laneState(gate());
  await endLane(gate());
  const key = parsePayloadKeys(`key-9:${randomBytes(32).toString('base64')}`);
  const dataConverter = { payloadCodecs: [payloadCodec(key, 'throw')] };
  const foreign = new Client({ connection: gate().client.connection, dataConverter });
  await foreign.workflow.start('ReleaseLane', {
    workflowId: releaseLaneId(gate().lane),
    taskQueue: taskQueue(gate().lane),
    workflowTaskTimeout: LANE_TASK_TIMEOUT,
    args: [before],
  });
  expect(await laneState(gate())).toEqual(before);
});

fullTest(
  'a lane that is terminated while the server lists no run begins with the copy in the registry, on hold, and a rollback goes on',
  async () => {
    const { sha: last } = await promoted(gate());
    refused = true;
    const before = await startedAgain();
    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns again' }));
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    await until('it has begun', () => gate().laneClient.state(), 90_000);
    const { ledger } = await until('the lane knows its end', async () => {
      const state = await laneState(gate());
      return state.rollback === null && state.ledger.knownBad.some(({ sha }) => sha === last) ? state : null;
    });
    expect(ledger.knownBad.map(({ sha }) => sha)).toEqual(
      expect.arrayContaining(before.ledger.knownBad.map(({ sha }) => sha)),
    );
    expect(ledger).toMatchObject({ hold: expect.anything(), lost: { upTo: null } });
    await gate().adopt(old);
    await gate().sendToLane('sequence', { ...ada, sequence: 0 });
  },
  150_000,
);
