import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { encodeMapToPayloads, encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { msToTs } from '@temporalio/common/lib/time.js';
import { temporal } from '@temporalio/proto';
import { releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { partsOf, RECORD_MEMO } from '../../src/lane/payloads/changes.js';
import { LANE_TASK_TIMEOUT } from '../../src/temporal/lane-client.js';
import type { Gate } from './gate.js';

const { CommandType } = temporal.api.enums.v1;
type Command = temporal.api.command.v1.ICommand;

/** Run that a test lets begin with what a run before would have handed on. */
interface Seed {
  workflowType: string;
  taskQueue: string;
  args: unknown[];
  memo?: Record<string, unknown>;
}

/** Time of one poll, in milliseconds; a task that is there comes at once. */
const POLL_MS = 20_000;

/**
 * Answers one workflow task of a queue as a worker would. A worker would also take the next task, which belongs to the gate.
 * @returns the run of the task.
 */
async function answerTask({ connection, options }: Client, queue: string, commands: Command[]): Promise<string> {
  const { namespace } = options;
  const { workflowService } = connection;
  const poll = () =>
    workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: queue }, identity: 'seeds' });
  const { taskToken, workflowExecution } = await connection.withDeadline(Date.now() + POLL_MS, poll);
  if (!taskToken?.length) throw new Error(`no workflow task on ${queue}`);
  await workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, identity: 'seeds', commands });
  return workflowExecution?.runId ?? '';
}

/** Command that continues as that run. */
async function continueAs({ options }: Client, { workflowType, taskQueue: queue, args, memo }: Seed): Promise<Command> {
  const converter = options.loadedDataConverter;
  return {
    commandType: CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continueAsNewWorkflowExecutionCommandAttributes: {
      workflowType: { name: workflowType },
      taskQueue: { name: queue },
      input: { payloads: (await encodeToPayloads(converter, ...args)) ?? [] },
      ...(memo && { memo: { fields: await encodeMapToPayloads(converter, memo) } }),
    },
  };
}

/** Starts a run of the gate as the continuation of another one, with what that one hands on; gives the run that continues. */
export async function startContinued(
  { client, lane }: Gate,
  { workflowId, ...seed }: Omit<Seed, 'taskQueue'> & { workflowId: string },
) {
  const queue = `${lane}-seeds-${randomUUID()}`;
  const first = await client.workflow.start('SeedRun', { workflowId, taskQueue: queue });
  await answerTask(client, queue, [await continueAs(client, { ...seed, taskQueue: taskQueue(lane) })]);
  return continuation(client, workflowId, first.firstExecutionRunId);
}

/**
 * Lets a lane begin with a state, as the continuation of one that had it. No lane may be open.
 * @param isSilent whether it does not answer, and is terminated.
 */
export async function startSeededLane(gate: Gate, state: LaneState, isSilent = false): Promise<void> {
  const { client, lane } = gate;
  const [workflowId, queue] = [releaseLaneId(lane), taskQueue(lane)];
  // Only the seeds may take its first task.
  await gate.stopWorker();
  const first = await client.workflow.start('ReleaseLane', {
    workflowId,
    taskQueue: queue,
    workflowTaskTimeout: LANE_TASK_TIMEOUT,
  });
  const seed = { workflowType: 'ReleaseLane', taskQueue: queue, args: [state] };
  const served = await answerTask(client, queue, [await continueAs(client, seed)]);
  if (served !== first.firstExecutionRunId)
    throw new Error('another run of the gate was served: let every other one end first');
  if (isSilent) {
    await answerTask(client, queue, []);
    const silent = await continuation(client, workflowId, first.firstExecutionRunId);
    await silent.terminate('by the test');
  }
  await gate.startWorker();
}

/** Starts a lane of another person: on a queue and with a worker of his own, and a history as if it had recovered this state. */
export async function startForgedLane({ client, lane }: Gate, state: LaneState): Promise<void> {
  const { namespace, loadedDataConverter: converter } = client.options;
  const [queue, identity] = [`${lane}-seeds-${randomUUID()}`, 'seeds'];
  const payloads = (await encodeToPayloads(converter, state)) ?? [];
  await client.workflow.start('ReleaseLane', { workflowId: releaseLaneId(lane), taskQueue: queue });
  await answerTask(client, queue, [
    {
      commandType: CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
      scheduleActivityTaskCommandAttributes: {
        activityId: '1',
        activityType: { name: 'recoverLane' },
        taskQueue: { name: queue },
        input: { payloads },
        startToCloseTimeout: msToTs('10s'),
      },
    },
  ]);
  const { workflowService } = client;
  const poll = () => workflowService.pollActivityTaskQueue({ namespace, taskQueue: { name: queue }, identity });
  const { taskToken } = await client.withDeadline(Date.now() + POLL_MS, poll);
  await workflowService.respondActivityTaskCompleted({ namespace, taskToken, identity, result: { payloads } });
  // As each lane that has recovered, it writes a record.
  const [record] = partsOf(JSON.stringify({ in: {} }));
  await answerTask(client, queue, [
    {
      commandType: CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
      modifyWorkflowPropertiesCommandAttributes: {
        upsertedMemo: { fields: await encodeMapToPayloads(converter, { [RECORD_MEMO]: record }) },
      },
    },
  ]);
}

/** Handle of the run that continues another one. */
async function continuation({ workflow }: Client, workflowId: string, first: string) {
  const { runId } = await workflow.getHandle(workflowId).describe();
  if (runId === first) throw new Error(`${workflowId} has not continued`);
  return Object.assign(workflow.getHandle(workflowId, runId), { firstExecutionRunId: runId });
}
