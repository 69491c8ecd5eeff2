import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';

/** A worker that polled a queue within the last minutes. */
export interface Poller {
  identity: string;
  /** When it polled last, epoch ms. */
  at: number;
}

/** The workers that polled a queue, for workflow tasks by default. */
export async function pollersOf(
  client: Client,
  queue: string,
  kind: 'workflow' | 'activity' = 'workflow',
): Promise<Poller[]> {
  const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: kind === 'workflow' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
  });
  return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? 'unnamed',
    at: optionalTsToMs(lastAccessTime) ?? 0,
  }));
}

/** The identities of the workers that polled a queue. */
export async function workersOn(...args: Parameters<typeof pollersOf>): Promise<string[]> {
  return (await pollersOf(...args)).map(({ identity }) => identity);
}
