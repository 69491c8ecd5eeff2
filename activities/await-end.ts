import { type Client, WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';

/** Waits for the end of a run that is under way, however it ends; one that is not there has ended.
 * @throws the signal's own reason when it is aborted. */
export async function awaitEnd(client: Client, handle: WorkflowHandle, signal: AbortSignal): Promise<void> {
  try {
    await client.connection.withAbortSignal(signal, () => handle.result());
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError || isContinued(error)))
      throw error;
  }
}

const isContinued = (error: unknown) => error instanceof Error && error.name === 'WorkflowContinuedAsNewError';
