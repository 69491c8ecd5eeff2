import { setMaxListeners } from 'node:events';

/**
 * Runs with a signal that is aborted after `ms`, or with `parent`'s reason when that is aborted first.
 *
 * `AbortSignal.any([signal, AbortSignal.timeout(ms)])` would say the same, but on Node 20 the garbage collector may take its
 * time-out away, which then never fires: a hung server was waited for without end.
 */
export async function withDeadline<T>(
  ms: number,
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineReached(ms)), ms);
  const passOn = () => controller.abort(parent?.reason);
  // Hundreds of tenants are asked under one signal, and none stays on it: Node would warn of a leak.
  if (parent) setMaxListeners(0, parent);
  parent?.addEventListener('abort', passOn);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', passOn);
  }
}

/** The reason of a signal whose time was up. */
export class DeadlineReached extends Error {
  override readonly name = 'DeadlineReached';
  constructor(readonly ms: number) {
    super(`nothing within ${ms} ms`);
  }
}
