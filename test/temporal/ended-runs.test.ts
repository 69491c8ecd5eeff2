import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { historyPage } from '../../src/report/html/history-page.js';
import { endedRuns } from '../../src/temporal/records/run.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { GetSystemInfoResponse, ListWorkflowExecutionsResponse } = proto.temporal.api.workflowservice.v1;
const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;
/** gRPC status code. */
const NOT_FOUND = 5;
const NOON = Date.parse('2026-11-25T12:00:00Z');

const json = (value: unknown) => ({
  metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from('Keyword') },
  data: Buffer.from(JSON.stringify(value)),
});
const run = (sha: string, outcome: string | null, status: number) => ({
  execution: { workflowId: `canary-release-${sha}`, runId: `run-${sha}` },
  type: { name: 'CanaryRelease' },
  status,
  startTime: msToTs(NOON),
  closeTime: msToTs(NOON + 60_000),
  searchAttributes: { indexedFields: outcome === null ? {} : { CanaryOutcome: json(outcome) } },
});

/** A server that lists runs, and has deleted their histories. */
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
beforeAll(async () => {
  const executions = [
    run('4c1d56e', 'promoted', WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED),
    run('9e82b1d', null, WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED),
    run('5f60718', 'of another version', WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED),
  ];
  server = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    ListWorkflowExecutions: () => ListWorkflowExecutionsResponse.encode({ executions }).finish(),
    GetWorkflowExecutionHistory: () => NOT_FOUND,
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

test('a run whose history is gone is told by what is listed, and its row of the page says so', async () => {
  const runs = await endedRuns(new Client({ connection }), parseLane(''), 50);
  expect(runs.map(({ sha, outcome, isGone, report }) => ({ sha, outcome, isGone, report }))).toEqual([
    { sha: '4c1d56e', outcome: 'promoted', isGone: true, report: null },
    { sha: '9e82b1d', outcome: 'terminated', isGone: true, report: null },
    { sha: '5f60718', outcome: 'TimedOut', isGone: true, report: null },
  ]);
  const page = historyPage('', runs, [], { now: NOON + 3_600_000 });
  expect(page).toContain('promoted; its history is gone, so it counts in no figure that needs it');
});
