import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { troubleOf } from '../../src/temporal/records/trouble.js';
import { findRun } from '../../src/temporal/runs.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { DescribeTaskQueueResponse, DescribeWorkflowExecutionResponse, GetSystemInfoResponse } =
  proto.temporal.api.workflowservice.v1;
const { VersioningBehavior, PendingWorkflowTaskState, WorkerVersioningMode, WorkflowExecutionStatus } =
  proto.temporal.api.enums.v1;

const ID = 'canary-release-4c1d56e';
const version = (buildId: string) => ({ deploymentName: 'canary', buildId });

/** Versions that poll; null is a worker without one. */
let polled: (string | null)[];
let current: string | null;
let run: temporal.api.workflow.v1.WorkflowExecutionInfo.$Properties;
let temporalServer: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;

beforeAll(async () => {
  temporalServer = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.30.1' }).finish(),
    DescribeWorkflowExecution: () =>
      DescribeWorkflowExecutionResponse.encode({
        workflowExecutionInfo: {
          execution: { workflowId: ID, runId: 'r' },
          type: { name: 'CanaryRelease' },
          status: WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
          taskQueue: 'canary-release',
          startTime: msToTs(Date.now()),
          ...run,
        },
        pendingWorkflowTask: { state: PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED, attempt: 1 },
      }).finish(),
    DescribeTaskQueue: () =>
      DescribeTaskQueueResponse.encode({
        pollers: polled.map((buildId) => ({
          identity: `1@host/${buildId}`,
          lastAccessTime: msToTs(Date.now()),
          deploymentOptions:
            buildId === null
              ? { buildId: '0', workerVersioningMode: WorkerVersioningMode.WORKER_VERSIONING_MODE_UNVERSIONED }
              : {
                  ...version(buildId),
                  workerVersioningMode: WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED,
                },
        })),
        versioningInfo: current === null ? null : { currentDeploymentVersion: version(current) },
      }).finish(),
  });
  connection = await Connection.connect({ address: temporalServer.address });
});
afterAll(async () => {
  await connection.close();
  await temporalServer.stop();
});

const pinned = (buildId: string) => ({
  versioningInfo: { behavior: VersioningBehavior.VERSIONING_BEHAVIOR_PINNED, deploymentVersion: version(buildId) },
});
async function trouble() {
  const client = new Client({ connection });
  const found = await findRun(client, ID);
  return found && troubleOf(client, found);
}

test('a run that is pinned to a version that no worker polls as is told so, with the command for that version', async () => {
  [run, polled, current] = [pinned('1.0'), ['1.1', null], '1.1'];
  expect(await trouble()).toEqual({
    workflowId: ID,
    what: 'needs a worker of version 1.0 of deployment canary, to which it is pinned, and none polls',
    fix: `canary worker --deployment canary --build-id 1.0; or, if the current version can go on with it: temporal workflow update-options --workflow-id ${ID} --versioning-override-behavior auto_upgrade`,
  });
});

test('a run that a person moved to the current version waits for that one', async () => {
  const { versioningInfo } = pinned('1.0');
  [polled, current] = [['1.1'], '1.1'];
  run = { versioningInfo: { ...versioningInfo, versioningOverride: { autoUpgrade: true } } };
  expect(await trouble()).toBeNull();
});

test('a run that has not begun waits for the current version, whatever else polls', async () => {
  [run, polled, current] = [{}, ['1.0', null], '1.1'];
  expect(await trouble()).toMatchObject({
    what: 'needs a worker of version 1.1 of deployment canary, which is current, and none polls',
    fix: 'canary worker --deployment canary --build-id 1.1; or make one current that polls: temporal worker deployment set-current-version --deployment-name canary --build-id 1.0',
  });
});

test.each<[string, (string | null)[], string | null]>([
  ['workers without versions', [null], null],
  ['a worker of the current version', ['1.0', '1.1'], '1.1'],
  ['no worker at all, and no version', [], null],
])('a run that has not begun is no trouble with %s', async (_what, pollers, set) => {
  [run, polled, current] = [{}, pollers, set];
  expect(await trouble()).toBeNull();
});
