import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

/** Identities of the workers that polled a queue for workflow tasks within the last minutes. */
export async function workersOn(client: Client, queue: string): Promise<string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  });
  return (pollers ?? []).map((poller) => poller.identity ?? 'unnamed');
}
