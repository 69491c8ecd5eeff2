import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, executeChild } from '@temporalio/workflow';
import type { MovedImage, MoveInput } from '../src/domain/move.js';
import { moveLatestId } from '../src/domain/names.js';
import { MOVER } from './activity-options.js';
import { MoveLatest } from './move-latest.js';
import { ownLane, stop } from './run-state.js';

/** Has `MoveLatest` move the tag, and waits for its end even when this run is cancelled meanwhile: a pair is never left half moved. */
export async function moveLatest(input: MoveInput): Promise<MovedImage[]> {
  const workflowId = moveLatestId(ownLane());
  try {
    return await CancellationScope.nonCancellable(() =>
      executeChild(MoveLatest, { ...MOVER, workflowId, args: [input], staticSummary: `${input.kind} to ${input.sha}` }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      throw stop('MoveRefused', `${workflowId} is running: another move is under way`);
    throw error;
  }
}
