import { proxyActivities } from '@temporalio/workflow';

/** Activity of the gate that a workflow of another project schedules. */
export interface Wanted {
  name: string;
  taskQueue: string;
  args: unknown[];
}

/** Workflow of another project, which schedules activities of the gate. */
export async function CanaryRelease({ name, taskQueue, args }: Wanted): Promise<unknown> {
  const activities = proxyActivities<Record<string, (...given: unknown[]) => Promise<unknown>>>({
    taskQueue,
    scheduleToCloseTimeout: '20s',
    retry: { maximumAttempts: 2 },
  });
  return activities[name]?.(...args);
}

/** The same, under the names of the other workflows of the gate. */
export const [Rollback, MoveLatest, Payroll] = [CanaryRelease, CanaryRelease, CanaryRelease];
