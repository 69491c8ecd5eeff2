import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  isGrpcDeadlineError,
  QueryNotRegisteredError,
  ServiceError,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { type FailureType, isFailureType } from '../contract/failures.js';
import type { DecisionInput, DecisionName } from '../contract/hold.js';
import { DECISIONS, statusQuery } from '../contract/messages.js';
import type { ReleaseReport, ReleaseStatus, RollbackReport } from '../contract/release.js';
import { tolerantOf } from './payloads/tolerant.js';

/** Time limit of a query, in milliseconds. */
const QUERY_TIMEOUT_MS = 2_000;
/** Time after which a query is sent a second time, in milliseconds: some queries that meet a running workflow task are never answered (server 1.32.0: 1 in 13 on a busy lane). */
const FIRST_QUERY_TIMEOUT_MS = 300;

type Report = ReleaseReport | RollbackReport;

/** How a run ended; without a report, `outcome` and `why` are Temporal's. */
export type RunEnd = { report: Report } | { report: null; outcome: FailureType | 'terminated'; why: string };

export const outcomeOfRun = (end: RunEnd) => (end.report === null ? end.outcome : end.report.outcome);

/** The latest run with this id, or one of its runs; null if there is none. */
export async function findRun(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    return await tolerantOf(client).getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Whether a run has not ended. One that a person paused (`temporal workflow pause`) goes on later: it has its own status, and is as open as a running one. */
export const isOpen = ({ status }: Pick<WorkflowExecutionInfo, 'status'>): boolean =>
  status.name === 'RUNNING' || status.name === 'PAUSED';

/** Ends of a run that have no result, as people say them. */
const EARLY_ENDS: Record<string, string> = {
  TERMINATED: 'was terminated',
  CANCELLED: 'was cancelled',
  FAILED: 'has failed',
  TIMED_OUT: 'has timed out',
};

/** How a run ended without a result; null if it is open, or has one. */
export const earlyEnd = ({ status }: Pick<WorkflowExecutionInfo, 'status'>): string | null =>
  EARLY_ENDS[status.name] ?? null;

/** Whether a result is a report, by what is decided on; a newer version may have an outcome that this one does not know. */
const isReport = (sent: unknown): sent is Report => typeof Object(sent).outcome === 'string';
/** Of a workflow of another project. */
const NO_REPORT = 'it has ended, and its result is no report of a release or a rollback';

/** Waits for the end of a run. */
export async function awaitRunEnd(handle: WorkflowHandle): Promise<RunEnd> {
  try {
    const result: unknown = await handle.result();
    return isReport(result) ? { report: result } : { report: null, outcome: 'TimedOut', why: NO_REPORT };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) {
      const report: unknown = cause.details?.[0];
      const outcome = isFailureType(cause.type) ? cause.type : 'TimedOut';
      return isReport(report) ? { report } : { report: null, outcome, why: cause.message };
    }
    if (cause instanceof CancelledFailure) return { report: null, outcome: 'CanaryAborted', why: 'cancelled' };
    if (cause instanceof TerminatedFailure) return { report: null, outcome: 'terminated', why: cause.message };
    if (cause instanceof TimeoutFailure) return { report: null, outcome: 'TimedOut', why: cause.message };
    // A workflow of another project may fail with anything.
    if (cause instanceof TemporalFailure) return { report: null, outcome: 'TimedOut', why: cause.message };
    throw error;
  }
}

/** Sends a query, and sends it again if it is not answered; `withinMs` in total. */
export async function queryWithin<T>(client: Client, withinMs: number, query: () => Promise<T>): Promise<T> {
  const within = (ms: number) => client.withDeadline(Date.now() + ms, query);
  try {
    return await within(FIRST_QUERY_TIMEOUT_MS);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    return within(withinMs - FIRST_QUERY_TIMEOUT_MS);
  }
}

/** Whether a query may be answered later: no worker, a run between two tasks, a busy server. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof ServiceError || error instanceof QueryNotRegisteredError;
}

/** Whether an update was not answered in time. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  (error instanceof Error && isGrpcDeadlineError(error.cause));

/** The status of a run; null if no worker answers in time. */
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

/** Sends a decision to a run and resolves to its answer, taken or refused. */
export async function sendDecision(
  client: Client,
  workflowId: string,
  verb: DecisionName,
  decision: DecisionInput,
): Promise<{ taken: boolean; answer: string }> {
  const send = () => client.workflow.getHandle(workflowId).executeUpdate(DECISIONS[verb].update, { args: [decision] });
  try {
    return { taken: true, answer: await retryLostUpdate(send) };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      return { taken: false, answer: error.cause?.message ?? error.message };
    // The caller has found the run, so it has ended since.
    if (error instanceof WorkflowNotFoundError) return { taken: false, answer: `${verb} refused: it has ended` };
    throw error;
  }
}

/** Attempts of an update that is lost between two tasks. */
const MAX_ATTEMPTS = 5;
/** Milliseconds before the second attempt; longer before each further one. A task that a stopping worker lost is redone within about 2 s. */
const RETRY_UPDATE_MS = 300;

/** Sends an update again that was lost because its run continued as new, or its task was redone: the server gives no code for it, only a message. */
export async function retryLostUpdate<R>(send: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await send();
    } catch (error) {
      const { message, cause } = Object(error) as { message?: string; cause?: { message?: string } };
      const isLost = /already completed|unexpected workflow task failure|workflow task in failed state/i.test(
        `${message} ${cause?.message}`,
      );
      if (attempt === MAX_ATTEMPTS || !isLost) throw error;
      await delay(RETRY_UPDATE_MS * attempt);
    }
}
