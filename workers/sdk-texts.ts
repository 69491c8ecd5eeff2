// Temporal's SDK tells these things by a text alone. test/workers/sdk-texts.test.ts fails if another version words them differently.

/** Log line of the SDK for the first part of a worker that failed; its `error` is why. */
export const WORKER_FAILED = 'Worker failed';
/** Begin of the `IllegalStateError` of a stop at which SDK core still holds the worker. */
export const STILL_IN_USE = 'Worker still in use';
