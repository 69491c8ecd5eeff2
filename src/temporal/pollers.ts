import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';

/** Silence after which a worker counts as gone, in milliseconds: one poll takes at most 70 s, and the server lists a dead worker for five minutes. */
const SILENT_MS = 90_000;

/** Identities of the workers that poll a queue, for workflow tasks by default. */
export async function workersOn(
  client: Client,
  queue: string,
  kind: 'workflow' | 'activity' = 'workflow',
): Promise<string[]> {
  const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: kind === 'workflow' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
  });
  return (pollers ?? [])
    .filter(({ lastAccessTime }) => (optionalTsToMs(lastAccessTime) ?? 0) > Date.now() - SILENT_MS)
    .map(({ identity }) => identity ?? 'unnamed');
}
