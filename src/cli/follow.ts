import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { InvalidInput } from '../contract/brand.js';
import type { ReleaseReport, ReleaseStatus } from '../contract/release.js';
import { parseDuration } from '../domain/duration.js';
import { DeadlineReached, withDeadline } from '../net/deadline.js';
import { logLine } from '../report/annotations.js';
import { queryStatus, type RunEnd, runEnd } from '../temporal/runs.js';
import { type Given, type Io, text, wantsJson } from './command.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { tellActions } from './github-actions.js';

/** Between two looks at a run, in milliseconds. */
const LOOK_MS = 500;
/** One look, in milliseconds; a worker that does not answer gives up earlier. */
const LOOK_TIMEOUT_MS = 5_000;

/** Follows a run to its end, telling each phase it enters, and gives back the exit code of how it ended.
 * @param hint what whoever asked could do now, if anything. */
export async function follow(
  client: Client,
  handle: WorkflowHandleWithFirstExecutionRunId,
  given: Given,
  io: Io,
  hint: (end: RunEnd) => string | null = () => null,
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
    const code = tellEnd(end, given, io);
    const advice = hint(end);
    if (advice !== null) io.err(advice);
    await tellActions(client, handle.workflowId, handle.firstExecutionRunId, io);
    return code;
  } catch (error) {
    const late = error instanceof DeadlineReached;
    if (!late && !io.signal.aborted) throw error;
    io.err(`canary: ${late ? `not decided after ${timeout}` : 'detached'}; ${handle.workflowId} goes on`);
    if (late) await tellActions(client, handle.workflowId, handle.firstExecutionRunId, io);
    return late ? EXIT.undecided : EXIT.detached;
  } finally {
    stopTelling.abort();
  }
}

function tellEnd(end: RunEnd, given: Given, io: Io): number {
  const told = end.report ?? { outcome: end.outcome, why: end.why };
  if (wantsJson(given)) io.out(JSON.stringify(told));
  else {
    io.out(logLine(`${told.outcome}: ${told.why}`));
    for (const image of end.report?.images ?? []) io.out(`  ${image.repository} ${image.digest}`);
  }
  if (end.report === null && end.outcome === 'terminated') return EXIT.fault;
  return allowed(given).includes(told.outcome) ? EXIT.done : exitCodeOf(told.outcome as ReleaseReport['outcome']);
}

/** Outcomes without a verdict that whoever asks takes for done.
 * @throws {InvalidInput} */
export function allowed(given: Given): string[] {
  const outcomes = (text(given, 'allow') ?? '').split(',').filter(Boolean);
  const other = outcomes.find((outcome) => outcome !== 'superseded' && outcome !== 'skipped');
  if (other !== undefined) throw new InvalidInput(`--allow ${other}: only superseded and skipped can be allowed`);
  return outcomes;
}

/** Tells each new phase; never ends by itself. */
async function tellPhases(client: Client, workflowId: string, io: Io, stop: AbortSignal): Promise<never> {
  for (let last = ''; ; ) {
    const status = await look(client, workflowId, stop);
    stop.throwIfAborted();
    const line = status ? phaseLine(status) : last;
    if (line !== last) io.err(line);
    last = line;
    await delay(LOOK_MS, undefined, { signal: stop });
  }
}

/** The SDK leaves a listener on the signal of each call: a look has its own, which goes with it, for a release takes hours of looks. */
function look(client: Client, workflowId: string, stop: AbortSignal): Promise<ReleaseStatus | null> {
  return withDeadline(LOOK_TIMEOUT_MS, stop, (signal) =>
    client.connection.withAbortSignal(signal, () => queryStatus(client, workflowId)),
  );
}

const phaseLine = ({ phase, why }: ReleaseStatus) => logLine(`${phase}${why ? `: ${why}` : ''}`);

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
