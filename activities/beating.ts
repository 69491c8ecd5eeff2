import { heartbeat } from '@temporalio/activity';

/** A beat each second: a cancel arrives only with one, and a dead worker is seen by their absence. */
export const BEAT_MS = 1_000;

/** Beats while `run` is at work. */
export async function beating<T>(run: () => Promise<T>): Promise<T> {
  const beats = setInterval(() => heartbeat(), BEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(beats);
  }
}
