import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { reportClock, skewHere } from '../../src/temporal/faults/wrong-clock.js';
import { logEvent } from '../log.js';

const WAITS = {
  /** Between two readings, in milliseconds: what is reported counts for 90 s. */
  everyMs: 60_000,
  /** The same if Temporal did not tell its time. */
  againMs: 5_000,
  /** One answer of Temporal, in milliseconds: half of it is the error of the measure. */
  answerMs: 4_000,
};

/**
 * Compares the clock of this process with Temporal's from now on; while it is wrong, `canary status` and `doctor` name it.
 * @returns what ends that, once Temporal has told its time, or has not within 4 s: the first task goes by it.
 */
export async function watchClock(client: Client, worker: string): Promise<() => void> {
  const ended = new AbortController();
  const first = await skewHere(client, WAITS.answerMs);
  const watch = async () => {
    let reportedMs = 0;
    for (let aheadMs = first; ; aheadMs = await skewHere(client, WAITS.answerMs)) {
      if (aheadMs && !reportedMs) logEvent('WARN', 'worker.clock', { aheadSeconds: Math.round(aheadMs / 1_000) });
      if (aheadMs) await reportClock(client, { worker, aheadMs }, WAITS.answerMs);
      reportedMs = aheadMs ?? reportedMs;
      await delay(aheadMs === null ? WAITS.againMs : WAITS.everyMs, undefined, { signal: ended.signal });
    }
  };
  watch().catch(() => undefined);
  return () => ended.abort();
}
