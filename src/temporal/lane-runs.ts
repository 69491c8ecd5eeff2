import type { Client } from '@temporalio/client';
import { type Lane, releaseLaneId } from '../domain/names.js';
import { findRun } from './runs.js';

/** Whether any run of the lane, open or closed, is left. Listing alone lags; asking alone misses the others when the last one was deleted. */
export async function laneEverRan(client: Client, lane: Lane): Promise<boolean> {
  const workflowId = releaseLaneId(lane);
  if ((await findRun(client, workflowId)) !== null) return true;
  return (await client.workflow.count(`WorkflowId = '${workflowId}'`)).count > 0;
}
