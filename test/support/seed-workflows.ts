import { makeContinueAsNewFunc, sleep } from '@temporalio/workflow';

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

/** The same under the name of the lane. Without a seed it stays, and no code of the gate replays what it did: it does not answer. */
export async function ReleaseLane(seed: Partial<Seed>): Promise<void> {
  if (seed.workflowType === undefined) await sleep('1 day');
  else await SeedRun(seed as Seed);
}
