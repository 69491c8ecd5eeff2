import { setTimeout as delay } from 'node:timers/promises';
import type { GateWorker } from './create-worker.js';

/** Interval at which the state of the worker is read, in milliseconds. */
const LOOK_MS = 200;

/** How long a worker may take to end, in milliseconds, before it is given up: the native part of the SDK may hold it for good. */
const LIMITS = {
  /** After a signal; running activities have 30 s (workers/create-worker.ts). */
  stopMs: 33_000,
  /** After a part of it failed: the other parts hand on what they do. */
  failedMs: 25_000,
};

/** Why a worker was given up: it had failed, or it did not end in time. The process must exit then. */
export class WorkerHung extends Error {
  override readonly name = 'WorkerHung';
}

/**
 * Runs a worker until `signal` is aborted and it has drained.
 * @throws what it failed of, {WorkerHung} if it does not end on its own.
 */
export async function runUntil(signal: AbortSignal, worker: GateWorker, limits = LIMITS): Promise<void> {
  const ended = new AbortController();
  try {
    await Promise.race([worker.run(), overdue(signal, worker, limits, ended.signal)]);
  } finally {
    ended.abort();
  }
}

/** Rejects once the worker should have ended. */
async function overdue(
  signal: AbortSignal,
  worker: GateWorker,
  { stopMs, failedMs }: typeof LIMITS,
  ended: AbortSignal,
): Promise<never> {
  let stopAt: number | null = null;
  let failedAt: number | null = null;
  for (;;) {
    await delay(LOOK_MS, undefined, { signal: ended });
    const now = performance.now();
    const hasFailed = worker.state() === 'FAILED';
    if (hasFailed) failedAt ??= now;
    if (signal.aborted) stopAt ??= now;
    if (hasFailed || signal.aborted) worker.shutdown();
    // A program that stops a worker that has failed need not wait for it.
    if (failedAt !== null && (signal.aborted || now - failedAt >= failedMs))
      throw new WorkerHung('the worker has failed: see its log');
    if (stopAt !== null && now - stopAt >= stopMs)
      throw new WorkerHung(`the worker did not end within ${stopMs / 1000} s: it exits, and another one goes on`);
  }
}
