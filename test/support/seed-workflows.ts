import { makeContinueAsNewFunc, proxyActivities, sleep } from '@temporalio/workflow';

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
  else if (silence === FORGED) {
    const own = { recoverLane: async (_state: unknown): Promise<unknown> => null };
    await proxyActivities<typeof own>({ startToCloseTimeout: '10s' }).recoverLane(seed);
    await sleep('1 day');
  } else throw new Error('a lane of the gate');
}

/** Second argument of a lane that looks as if it had recovered its first one. */
export const FORGED = 'forged';
/** Second argument of a lane that shall not answer. */
export const SILENT = 'silent';
