import { cancelled } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';

/** Waits for the end of a run that is under way, however it ends; one that is not there has ended. A cancel of the activity ends the wait. */
export async function awaitEnd(handle: WorkflowHandle): Promise<void> {
  try {
    // A worker's connection does not heed `withAbortSignal` (SDK 1.24.0): a call that is given up is left to itself.
    await Promise.race([handle.result(), cancelled()]);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError || isContinued(error)))
      throw error;
  }
}

const isContinued = (error: unknown) => error instanceof Error && error.name === 'WorkflowContinuedAsNewError';
