import { condition, defineSignal, setHandler, startChild } from '@temporalio/workflow';
import type { MoveInput } from '../../src/contract/move.js';

/** Signal that makes the foreign workflow start a mover. */
export const startMoverSignal =
  defineSignal<[{ workflowId: string; taskQueue: string; input: MoveInput }]>('start-mover');
export const endSignal = defineSignal('end');

/** Workflow of another project, which starts a mover as the gate does, and runs until it gets a signal. */
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
