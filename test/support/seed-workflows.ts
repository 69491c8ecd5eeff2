import { makeContinueAsNewFunc } from '@temporalio/workflow';

/** Run of the gate that a test lets begin with what a run before would have handed on. */
export interface Seed {
  workflowType: string;
  taskQueue: string;
  args: unknown[];
}

/** Continues as that run. */
export async function SeedRun({ workflowType, taskQueue, args }: Seed): Promise<void> {
  await makeContinueAsNewFunc({ workflowType, taskQueue })(...args);
}

/** The same under the name of the lane: it believes a lane of its own queue alone. */
export const ReleaseLane = SeedRun;
