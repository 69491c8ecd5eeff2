import { IllegalStateError, type Worker } from '@temporalio/worker';

// Temporal's SDK tells these things by a text alone. test/workers/sdk-texts.test.ts fails if another version words them differently.

/** Log line of the SDK for the first part of a worker that failed; its `error` is why. */
export const WORKER_FAILED = 'Worker failed';
/** Begin of the `IllegalStateError` of a stop at which SDK core still holds the worker. */
export const STILL_IN_USE = 'Worker still in use';

/** Whether the worker has drained: for an instant SDK core still holds it, and the SDK reports that as a fault (one in some hundred stops;
 * sdk-dotnet issue 550). One that Temporal refused ends with the same error, but failed. */
export const hasDrained = (worker: Pick<Worker, 'getState'> | undefined, error: unknown): boolean =>
  worker?.getState() === 'STOPPED' && error instanceof IllegalStateError && error.message.startsWith(STILL_IN_USE);
