import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { serverTime } from './faults/server-time.js';

/** Silence after which a worker counts as gone, in milliseconds: one poll takes at most 70 s, and the server lists a dead worker for five minutes. */
const SILENT_MS = 90_000;
/** How far in the future a poll may lie before the clock of this process is not believed, in milliseconds. */
const AHEAD_MS = 5_000;

type Kind = 'workflow' | 'activity';

/** A queue as its server describes it, with those pollers alone that are not gone. For workflow tasks by default. */
export async function queueNow(client: Client, queue: string, kind: Kind = 'workflow') {
  const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;
  const { pollers, versioningInfo } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: kind === 'workflow' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
  });
  const polled = (pollers ?? []).map((poller) => ({ poller, at: optionalTsToMs(poller.lastAccessTime) ?? 0 }));
  const here = Date.now();
  // A wrong clock here makes live workers silent, and dead ones alive.
  const isDoubtful = polled.some(({ at }) => at <= here - SILENT_MS || at > here + AHEAD_MS);
  const now = (isDoubtful ? await serverTime(client) : null) ?? here;
  return { pollers: polled.filter(({ at }) => at > now - SILENT_MS).map(({ poller }) => poller), versioningInfo };
}

/** Identities of the workers that poll a queue. */
export async function workersOn(client: Client, queue: string, kind: Kind = 'workflow'): Promise<string[]> {
  return (await queueNow(client, queue, kind)).pollers.map(({ identity }) => identity ?? 'unnamed');
}
