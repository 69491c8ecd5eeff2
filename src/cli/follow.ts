import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { DeadlineReached, withDeadline } from '../deadline.js';
import { parseDuration } from '../domain/duration.js';
import type { ReleaseReport, ReleaseStatus } from '../domain/release.js';
import { queryStatus, type RunEnd, runEnd } from '../temporal/runs.js';
import { type Given, type Io, text, wantsJson } from './command.js';
import { EXIT, exitCodeOf } from './exit-codes.js';

/** Between two looks at a run, in milliseconds. */
const LOOK_MS = 500;

/** Follows a run to its end, telling each phase it enters, and gives back the exit code of how it ended. */
export async function follow(
  client: Client,
  handle: WorkflowHandleWithFirstExecutionRunId,
  given: Given,
  io: Io,
): Promise<number> {
  const timeout = text(given, 'timeout') ?? '45m';
  const stopTelling = new AbortController();
  try {
    const end = await withDeadline(parseDuration(timeout), io.signal, (quit) =>
      // The SDK would send a long poll anew on a connection that we have closed meanwhile, and throw where nobody listens.
      client.connection.withAbortSignal(stopTelling.signal, () =>
        Promise.race([runEnd(handle), aborted(quit), tellPhases(client, handle.workflowId, io, stopTelling.signal)]),
      ),
    );
    return tellEnd(end, given, io);
  } catch (error) {
    const late = error instanceof DeadlineReached;
    if (!late && !io.signal.aborted) throw error;
    io.err(`canary: ${late ? `not decided after ${timeout}` : 'detached'}; ${handle.workflowId} goes on`);
    return late ? EXIT.undecided : EXIT.detached;
  } finally {
    stopTelling.abort();
  }
}

function tellEnd(end: RunEnd, given: Given, io: Io): number {
  const told = end.report ?? { outcome: end.outcome, why: end.why };
  if (wantsJson(given)) io.out(JSON.stringify(told));
  else {
    io.out(`${told.outcome}: ${told.why}`);
    for (const image of end.report?.images ?? []) io.out(`  ${image.repository} ${image.digest}`);
  }
  return end.report === null && end.outcome === 'terminated'
    ? EXIT.fault
    : exitCodeOf(told.outcome as ReleaseReport['outcome']);
}

/** Tells each new phase; never ends by itself. */
async function tellPhases(client: Client, workflowId: string, io: Io, stop: AbortSignal): Promise<never> {
  for (let last = ''; ; ) {
    const status = await queryStatus(client, workflowId);
    stop.throwIfAborted();
    const line = status ? phaseLine(status) : last;
    if (line !== last) io.err(line);
    last = line;
    await delay(LOOK_MS, undefined, { signal: stop });
  }
}

const phaseLine = ({ phase, why }: ReleaseStatus) => `${phase}${why ? `: ${why}` : ''}`;

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
