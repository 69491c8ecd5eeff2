import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { adopted, laneState } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

const { gate, old } = await useCountedGate('attack-memo');

/** Starts a run of a stranger, whose memo is said to be JSON and is not. */
async function startWithBrokenMemo(workflowId: string): Promise<void> {
  const { connection } = gate().client;
  const broken = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"never closed') };
  await connection.workflowService.startWorkflowExecution({
    namespace: 'default',
    requestId: randomUUID(),
    workflowId,
    workflowType: { name: 'Stranger' },
    taskQueue: { name: 'unpolled-queue' },
    memo: { fields: { a: broken } },
  });
}

fullTest('a memo that cannot be decoded, under an id of the gate, stops no rollback and hides no lane', async () => {
  const bad = await adopted(gate());
  await startWithBrokenMemo(moveLatestId(gate().lane));
  const rollback = await gate().rollback({ sha: old, reason: 'it burns', force: true });
  expect((await awaitRunEnd(rollback)).report).toMatchObject({ outcome: 'rolled-back' });

  const lane = gate().client.workflow.getHandle(releaseLaneId(gate().lane));
  await lane.terminate('by the test');
  await startWithBrokenMemo(releaseLaneId(gate().lane));
  await lane.terminate('by the test');
  await gate().sendToLane('pause', { by: 'the test', reason: 'to start it' });
  const { ledger } = await until('it has recovered', () => laneState(gate()));
  expect(ledger.knownBad.map(({ sha }) => sha)).toEqual([bad.sha]);
  const { code } = await canary(['status'], { CANARY_LANE: gate().lane });
  expect(code).toBe(0);
});
