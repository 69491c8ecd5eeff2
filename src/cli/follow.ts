import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
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
  const stopped = new AbortController();
  const timeoutMs = parseDuration(text(given, 'timeout') ?? '45m');
  const quit = AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const end = await Promise.race([
      runEnd(handle),
      aborted(quit, stopped.signal),
      tellPhases(client, handle.workflowId, io, stopped.signal),
    ]);
    if (end) return tellEnd(end, given, io);
    io.err(
      `canary: ${io.signal.aborted ? 'detached' : `not decided after ${timeoutMs / 1000} s`}; ${handle.workflowId} goes on`,
    );
    return io.signal.aborted ? EXIT.detached : EXIT.undecided;
  } finally {
    stopped.abort();
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
async function tellPhases(client: Client, workflowId: string, io: Io, stop: AbortSignal): Promise<null> {
  let last = '';
  while (!stop.aborted) {
    const status = await queryStatus(client, workflowId);
    const line = status && phaseLine(status);
    if (line && line !== last && !stop.aborted) io.err(line);
    last = line ?? last;
    await delay(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return null;
}

const phaseLine = ({ phase, why }: ReleaseStatus) => `${phase}${why ? `: ${why}` : ''}`;

function aborted(signal: AbortSignal, stop: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true, signal: stop });
  });
}
