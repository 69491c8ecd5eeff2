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

/**
 * The same under the name of the lane. A silent continuation stays, and no code of the gate replays what it did: it does not answer.
 * Any other is left to the gate: this worker may still poll when its first task comes, and fails it.
 */
export async function ReleaseLane(seed: Partial<Seed>, silence?: string): Promise<void> {
  if (seed.workflowType !== undefined) await SeedRun(seed as Seed);
  else if (silence === SILENT) await sleep('1 day');
  else throw new Error('a lane of the gate');
}

/** Second argument of a lane that shall not answer. */
export const SILENT = 'silent';
