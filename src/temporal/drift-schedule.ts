import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import { checkDriftId, type Lane, taskQueue } from '../domain/names.js';

/** Has the registry compared with the ledger every five minutes. True when the Schedule was there already: it is set anew then. */
export async function scheduleDriftCheck(client: Client, lane: Lane): Promise<boolean> {
  const workflowId = checkDriftId(lane);
  const options: ScheduleOptions = {
    scheduleId: workflowId,
    spec: { intervals: [{ every: '5m' }] },
    action: { type: 'startWorkflow', workflowType: 'CheckDrift', workflowId, taskQueue: taskQueue(lane), args: [] },
    policies: { overlap: 'SKIP', catchupWindow: '1m' },
  };
  try {
    await client.schedule.create(options);
    return false;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(workflowId).update((before) => ({ ...options, state: before.state }));
    return true;
  }
}
