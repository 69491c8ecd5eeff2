import { formatDuration } from '../domain/duration.js';
import { DeadlineReached, withDeadline } from '../net/deadline.js';
import type { Finding } from './finding.js';

/** Time limit of one check, in milliseconds: a person waits for the result. */
const CHECK_TIMEOUT_MS = 10_000;

/** Checks one area. An error, or no answer in time, is a finding.
 * @throws the reason of `signal` if it is aborted. */
export async function runCheck(
  { area, name, fix }: { area: Finding['area']; name: string; fix: string },
  signal: AbortSignal,
  findings: (signal: AbortSignal) => Promise<Finding[]>,
  ms = CHECK_TIMEOUT_MS,
): Promise<Finding[]> {
  try {
    return await withDeadline(ms, signal, (inner) => Promise.race([findings(inner), rejectOnAbort(inner)]));
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof DeadlineReached ? `no answer within ${formatDuration(error.ms)}` : firstLine(error);
    return [{ area, level: 'stops', what: `${name}: ${why}`, fix }];
  }
}

/** Rejects when the signal is aborted, for calls that ignore the signal. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
