import { condition, defineSignal, setHandler, startChild } from '@temporalio/workflow';
import type { MoveInput } from '../../src/contract/move.js';

/** What a foreign workflow is told to do. */
export const startMoverSignal =
  defineSignal<[{ workflowId: string; taskQueue: string; input: MoveInput }]>('start-mover');
export const endSignal = defineSignal('end');

/** Somebody's own workflow, which starts a mover as ours do, and stays until it is told to end. */
export async function ForeignParent(): Promise<void> {
  let isOver = false;
  setHandler(endSignal, () => {
    isOver = true;
  });
  setHandler(startMoverSignal, async ({ input, ...options }) => {
    await startChild('MoveLatest', { ...options, parentClosePolicy: 'ABANDON', args: [input] });
  });
  await condition(() => isOver);
}
