import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { LANE_TASK_TIMEOUT } from '../../src/temporal/lane-client.js';
import { testBundle } from './bundles.js';
import type { Gate } from './gate.js';
import { FORGED, type Seed, SILENT } from './seed-workflows.js';
import { until } from './until.js';

const SEEDS = join(import.meta.dirname, 'seed-workflows.ts');

/** Runs a worker of the seeds on a queue while `run` starts one of them. */
async function withSeeds<T>({ connection }: Gate, queue: string, run: () => Promise<T>): Promise<T> {
  const activities = { recoverLane: async (state: unknown) => state };
  const workflowBundle = await testBundle(SEEDS);
  const worker = await Worker.create({ connection, taskQueue: queue, workflowBundle, activities });
  return worker.runUntil(run);
}

/** Starts a run of the gate as the continuation of another one, with what that one hands on; gives the run that continues. */
export async function startContinued(
  gate: Gate,
  {
    workflowId,
    workflowType,
    args,
    memo,
  }: Pick<Seed, 'workflowType' | 'args'> & { workflowId: string; memo?: Record<string, unknown> },
) {
  const seedQueue = `${gate.lane}-seeds`;
  const seed: Seed = { workflowType, taskQueue: taskQueue(gate.lane), args };
  return withSeeds(gate, seedQueue, async () => {
    const first = await gate.client.workflow.start('SeedRun', {
      workflowId,
      taskQueue: seedQueue,
      args: [seed],
      ...(memo && { memo }),
    });
    return continuation(gate, workflowId, first.firstExecutionRunId);
  });
}

/**
 * Lets a lane begin with a state, as the continuation of one that had it. No lane may be open.
 * @param isSilent whether it does not answer, and is terminated.
 */
export async function startSeededLane(gate: Gate, state: LaneState, isSilent = false): Promise<void> {
  const [workflowId, queue] = [releaseLaneId(gate.lane), taskQueue(gate.lane)];
  const seed: Seed = { workflowType: 'ReleaseLane', taskQueue: queue, args: isSilent ? [state, SILENT] : [state] };
  // Only the seeds may take its first task.
  await gate.stopWorker();
  await withSeeds(gate, queue, async () => {
    const first = await gate.client.workflow.start('ReleaseLane', {
      workflowId,
      taskQueue: queue,
      workflowTaskTimeout: LANE_TASK_TIMEOUT,
      args: [seed],
    });
    const lane = await continuation(gate, workflowId, first.firstExecutionRunId);
    if (!isSilent) return;
    await until('it has begun', async () => (await lane.describe()).historyLength > 4);
    await lane.terminate('by the test');
  });
  await gate.startWorker();
}

/** Starts a lane of somebody else: on a queue and with a worker of his own, and a history as if it had recovered this state. */
export async function startForgedLane(gate: Gate, state: LaneState): Promise<void> {
  const queue = `${gate.lane}-seeds`;
  await withSeeds(gate, queue, async () => {
    const workflowId = releaseLaneId(gate.lane);
    const lane = await gate.client.workflow.start('ReleaseLane', {
      workflowId,
      taskQueue: queue,
      args: [state, FORGED],
    });
    await until('it looks recovered', async () => {
      const { events = [] } = await lane.fetchHistory();
      return events?.some((event) => event.activityTaskCompletedEventAttributes);
    });
  });
}

/** Handle of the run that continues another one. */
async function continuation({ client }: Gate, workflowId: string, first: string) {
  const { runId } = await until('it has continued', async () => {
    const now = await client.workflow.getHandle(workflowId).describe();
    return now.runId === first ? null : now;
  });
  const handle = client.workflow.getHandle(workflowId, runId);
  return Object.assign(handle, { firstExecutionRunId: runId });
}
