import { setMaxListeners } from 'node:events';

/**
 * Runs with a signal that is aborted after `ms` milliseconds, or with `parent`'s reason if that is aborted first.
 *
 * `AbortSignal.any([signal, AbortSignal.timeout(ms)])` does the same, but on Node 20 the garbage collector may collect its
 * time-out, which then never fires: a hung server was waited for forever.
 */
export async function withDeadline<T>(
  ms: number,
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineReached(ms)), ms);
  const forward = () => controller.abort(parent?.reason);
  // Hundreds of requests share one signal and leave it afterwards; without this Node warns of a leak.
  if (parent) setMaxListeners(0, parent);
  parent?.addEventListener('abort', forward);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', forward);
  }
}

/** Settles as the promise, or with the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Reason of a signal whose time is up. */
export class DeadlineReached extends Error {
  override readonly name = 'DeadlineReached';
  constructor(readonly ms: number) {
    super(`no answer within ${ms} ms`);
  }
}
