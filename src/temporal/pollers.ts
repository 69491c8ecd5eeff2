import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

/** Identities of the workers that polled a queue within the last minutes, for workflow tasks unless said otherwise. */
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
  return (pollers ?? []).map((poller) => poller.identity ?? 'unnamed');
}
