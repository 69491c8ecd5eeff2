import {
  type Client,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import type { FailureType } from '../contract/failures.js';
import type { DecisionInput, Verb } from '../contract/hold.js';
import { statusQuery, VERBS } from '../contract/messages.js';
import type { ReleaseReport, ReleaseStatus, RollbackReport } from '../contract/release.js';

/** How long a worker gets to answer a query, in milliseconds. */
const QUERY_TIMEOUT_MS = 2_000;
/** After so long it is asked once more, in milliseconds: of queries that meet a workflow task under way some are never answered (server 1.32.0: one in thirteen of a busy lane). */
const FIRST_QUERY_TIMEOUT_MS = 300;

type Report = ReleaseReport | RollbackReport;

/** How a run ended, also when it left no report: then `outcome` says what became of it. */
export type RunEnd = { report: Report } | { report: null; outcome: FailureType | 'terminated'; why: string };

export const outcomeOfRun = (end: RunEnd) => (end.report === null ? end.outcome : end.report.outcome);

/** The last run with this id, or one of its runs; null when there is none. */
export async function findRun(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Waits for the end of a run. */
export async function awaitRunEnd(handle: WorkflowHandle): Promise<RunEnd> {
  try {
    return { report: (await handle.result()) as Report };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) {
      const report = cause.details?.[0] as Report | undefined;
      return typeof report?.outcome === 'string'
        ? { report }
        : { report: null, outcome: (cause.type ?? 'TimedOut') as FailureType, why: cause.message };
    }
    if (cause instanceof CancelledFailure) return { report: null, outcome: 'CanaryAborted', why: 'cancelled' };
    if (cause instanceof TerminatedFailure) return { report: null, outcome: 'terminated', why: cause.message };
    if (cause instanceof TimeoutFailure) return { report: null, outcome: 'TimedOut', why: cause.message };
    throw error;
  }
}

/** Asks a run something, twice where it is silent, for `withinMs` in all. */
export async function queryWithin<T>(client: Client, withinMs: number, query: () => Promise<T>): Promise<T> {
  const within = (ms: number) => client.withDeadline(Date.now() + ms, query);
  try {
    return await within(FIRST_QUERY_TIMEOUT_MS);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    return within(withinMs - FIRST_QUERY_TIMEOUT_MS);
  }
}

/** No worker, a run in mid-change, a server that is busy: ask again. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && ['ServiceError', 'QueryNotRegisteredError'].includes(error.name);
}

/** Where a run stands, by its own word; null when no worker answers in time. */
export async function queryStatus(
  client: Client,
  workflowId: string,
  withinMs = QUERY_TIMEOUT_MS,
): Promise<ReleaseStatus | null> {
  try {
    const handle = client.workflow.getHandle(workflowId);
    return await queryWithin(client, withinMs, () => handle.query(statusQuery));
  } catch {
    return null;
  }
}

/** Says a verb to a run and gives back its answer, taken or refused. */
export async function sendDecision(
  client: Client,
  workflowId: string,
  verb: Verb,
  decision: DecisionInput,
): Promise<{ taken: boolean; answer: string }> {
  const send = () => client.workflow.getHandle(workflowId).executeUpdate(VERBS[verb].update, { args: [decision] });
  try {
    return { taken: true, answer: await retryLostUpdate(send) };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      return { taken: false, answer: error.cause?.message ?? error.message };
    // The caller has seen the run, so it is over by now.
    if (error instanceof WorkflowNotFoundError)
      return { taken: false, answer: `${verb} refused: the release has ended` };
    throw error;
  }
}

/** How often an update is said that meets a run in mid-change. */
const MAX_ATTEMPTS = 3;

/** Says an update again that was lost because its run went on as a new one, or its task had to be done again: the server's words. */
export async function retryLostUpdate<R>(send: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await send();
    } catch (error) {
      const { message, cause } = Object(error) as { message?: string; cause?: { message?: string } };
      const isLost = /already completed|unexpected workflow task failure/i.test(`${message} ${cause?.message}`);
      if (attempt === MAX_ATTEMPTS || !isLost) throw error;
    }
}
