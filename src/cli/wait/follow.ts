import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { InvalidInput, shown } from '../../contract/brand.js';
import { laneOf, parseRunId } from '../../contract/ids.js';
import type { ReleaseReport, ReleaseStatus } from '../../contract/release.js';
import { DeadlineReached, withDeadline } from '../../net/deadline.js';
import { isOutage } from '../../temporal/connect.js';
import { followHistory } from '../../temporal/records/follow.js';
import { awaitRunEnd, queryStatus, type RunEnd } from '../../temporal/runs.js';
import { moveProgress, waitsFor } from '../../temporal/waits-for.js';
import { type Given, type Io, textOption, wantsJson } from '../command.js';
import { EXIT, exitCodeOf } from '../exit-codes.js';
import { publishActionsReport } from '../print/github-actions.js';
import { PROGRESS_MS } from '../print/move-progress.js';
import { detach } from './detach.js';
import { timeoutOf } from './timeout.js';

/** Least time between two status queries, in milliseconds; each is an Action. */
const POLL_INTERVAL_MS = 500;
/** Time after which a run that shows no event is queried again, in milliseconds. */
const QUIET_MS = 60_000;
/** Upper bound of one status query, in milliseconds; a query that no worker answers ends earlier. */
const POLL_TIMEOUT_MS = 5_000;

/** Follows a run to its end, prints each phase it enters, and resolves to the exit code of its outcome.
 * @param hint the command that could be run next, if any. */
export async function follow(
  client: Client,
  handle: WorkflowHandleWithFirstExecutionRunId,
  given: Given,
  io: Io,
  hint: (end: RunEnd) => string | null = () => null,
): Promise<number> {
  const stopPrinting = new AbortController();
  try {
    const end = await withDeadline(timeoutOf(given), io.signal, (deadlineSignal) =>
      // Without the abort signal the SDK would repeat a long poll on the closed connection, an unhandled rejection.
      client.connection.withAbortSignal(stopPrinting.signal, () =>
        Promise.race([
          awaitEnd(handle, io, stopPrinting.signal),
          rejectOnAbort(deadlineSignal),
          printPhases(client, handle, io, stopPrinting.signal),
        ]),
      ),
    );
    const code = printEnd(end, given, io);
    const advice = hint(end);
    if (advice !== null) io.err(advice);
    await publishActionsReport(client, handle.workflowId, handle.firstExecutionRunId, io);
    return code;
  } catch (error) {
    const timedOut = error instanceof DeadlineReached ? error : null;
    if (!timedOut && !io.signal.aborted) throw error;
    stopPrinting.abort();
    return await detach(client, handle, given, io, timedOut);
  } finally {
    stopPrinting.abort();
  }
}

/** Waits for the end of a run, and through each outage of Temporal: the run does not need this command. */
async function awaitEnd(handle: WorkflowHandle, io: Io, stop: AbortSignal): Promise<RunEnd> {
  for (let isLost = false; ; ) {
    try {
      return await awaitRunEnd(handle);
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (!isLost) io.err('canary: Temporal does not answer; the run continues');
      isLost = true;
      await delay(POLL_INTERVAL_MS, undefined, { signal: stop });
    }
  }
}

function printEnd(end: RunEnd, given: Given, io: Io): number {
  const result = end.report ?? { outcome: end.outcome, why: end.why };
  if (wantsJson(given)) io.out(JSON.stringify(result));
  else {
    io.out(`${result.outcome}: ${result.why}`);
    for (const image of end.report?.images ?? []) io.out(`  ${image.repository} ${image.digest}`);
  }
  if (end.report === null && end.outcome === 'terminated') return EXIT.fault;
  return allowedOutcomes(given).includes(result.outcome)
    ? EXIT.done
    : exitCodeOf(result.outcome as ReleaseReport['outcome']);
}

/** Outcomes without a verdict that `--allow` turns into exit code 0.
 * @throws {InvalidInput} */
export function allowedOutcomes(given: Given): string[] {
  const outcomes = (textOption(given, 'allow') ?? '').split(',').filter(Boolean);
  const other = outcomes.find((outcome) => outcome !== 'superseded' && outcome !== 'skipped');
  if (other !== undefined) throw new InvalidInput(`invalid --allow ${shown(other)}: expected superseded or skipped`);
  return outcomes;
}

/** Prints each new phase, and every 15 s of a move, or of a rollback, what it waits for, until `stop`. */
async function printPhases(
  client: Client,
  { workflowId, firstExecutionRunId: runId }: WorkflowHandleWithFirstExecutionRunId,
  io: Io,
  stop: AbortSignal,
): Promise<never> {
  const nextEvents = followHistory(client, { workflowId, runId });
  const { isRollback } = parseRunId(workflowId);
  for (let last = '', since = performance.now(); ; ) {
    const status = await pollStatus(client, workflowId, stop);
    stop.throwIfAborted();
    const line = status ? phaseLine(status) : last;
    if (line !== last || !(isRollback || status?.phase === 'promoting')) since = performance.now();
    if (line !== last) io.err(line);
    last = line;
    if (performance.now() - since >= PROGRESS_MS) {
      since = performance.now();
      const lane = laneOf(workflowId);
      const waits = isRollback ? await waitsFor(client, lane, workflowId) : await moveProgress(client, lane);
      for (const one of waits) io.err(isRollback ? `waits for ${one}` : one);
    }
    await delay(POLL_INTERVAL_MS, undefined, { signal: stop });
    const isWaiting = status !== null && !isRollback && status.phase !== 'promoting';
    if (isWaiting) await nextStep(client, nextEvents, stop);
  }
}

/** Waits until the run has done something, or for a minute: its status changes only in a workflow task. */
async function nextStep(
  client: Client,
  nextEvents: ReturnType<typeof followHistory>,
  stop: AbortSignal,
): Promise<void> {
  const step = async () => {
    while ((await nextEvents())?.every((event) => !event.workflowTaskCompletedEventAttributes));
  };
  await withDeadline(QUIET_MS, stop, (signal) => client.connection.withAbortSignal(signal, step)).catch(
    () => undefined,
  );
}

/** Each query has a signal of its own: the SDK leaves a listener on it, and a release takes hours of queries. */
function pollStatus(client: Client, workflowId: string, stop: AbortSignal): Promise<ReleaseStatus | null> {
  return withDeadline(POLL_TIMEOUT_MS, stop, (signal) =>
    client.connection.withAbortSignal(signal, () => queryStatus(client, workflowId)),
  );
}

const phaseLine = ({ phase, why }: ReleaseStatus) => `${phase}${why ? `: ${why}` : ''}`;

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
