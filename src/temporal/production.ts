import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { type Lane, watchProductionId } from '../contract/ids.js';
import type { WatchReport } from '../contract/production.js';
import { parseSha } from '../contract/sha.js';
import { time } from '../domain/markdown.js';
import { findRun } from './runs.js';

/** How long a watch gets to answer, in milliseconds. */
const QUERY_TIMEOUT_MS = 800;

export interface ProductionNow {
  /** `18 of 20 on it; behind: acme, globex` */
  summary: string;
  /** When the watch ended, ISO 8601; null while it goes on. */
  asOf: string | null;
}

/**
 * How production took a build, or takes it; null when nobody watched, or no worker answers.
 * @param since when the move to it was, ISO 8601: what was seen after an earlier one says nothing of this one.
 */
export async function productionNow(
  client: Client,
  lane: Lane,
  sha: string,
  since = '',
): Promise<ProductionNow | null> {
  const run = await findRun(client, watchProductionId(lane, parseSha(sha)));
  if (run === null || String(run.memo?.movedAt ?? '') < since) return null;
  const report = await watchReport(client, run);
  return report && { summary: report.why, asOf: run.closeTime?.toISOString() ?? null };
}

/** `18 of 20 on it (as of 2026-11-25 12:01:05 UTC)` */
export const productionLine = ({ summary, asOf }: ProductionNow) =>
  asOf ? `${summary} (as of ${time(asOf)})` : summary;

/** What a watch says, or said last; null when no worker answers for it, or it failed. */
export function watchReport(
  client: Client,
  { workflowId, runId, status }: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status'>,
): Promise<WatchReport | null> {
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  const readReport = () =>
    (status.name === 'RUNNING' ? handle.query('status') : handle.result()) as Promise<WatchReport>;
  return client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, readReport).catch(() => null);
}
