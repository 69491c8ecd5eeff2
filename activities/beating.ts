import { ApplicationFailure, heartbeat, sleep } from '@temporalio/activity';

/** A beat each second: a cancel arrives only with one, and a dead worker is seen by their absence. */
export const BEAT_MS = 1_000;

/** Beats while `run` is at work. Each beat carries `details`, as they are then: one without would erase them. */
export async function beating<T>(run: () => Promise<T>, details?: object): Promise<T> {
  const beats = setInterval(() => heartbeat(details), BEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(beats);
  }
}

/** A wait that another worker can go on with does not keep this one from stopping. */
export async function beatingSleepUntil(stopping: AbortSignal, ms: number, details: unknown): Promise<void> {
  for (let left = ms; left > 0; left -= BEAT_MS) {
    if (stopping.aborted)
      throw ApplicationFailure.retryable('this worker is being stopped: another one goes on', 'TimedOut');
    await sleep(Math.min(left, BEAT_MS));
    heartbeat(details);
  }
}
