import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { type Lane, watchProductionId } from '../domain/names.js';
import type { WatchReport } from '../domain/production.js';
import { parseSha } from '../domain/sha.js';
import { findRun } from './runs.js';

/** How long a watch gets to answer, in milliseconds. */
const ANSWER_MS = 800;

/** How production took a build, or takes it: `18 of 20 on it; behind: acme, globex`; null when nobody watched, or no worker answers. */
export async function productionNow(client: Client, lane: Lane, sha: string): Promise<string | null> {
  const run = await findRun(client, watchProductionId(lane, parseSha(sha)));
  return run && ((await watchReport(client, run))?.why ?? null);
}

/** What a watch says, or said last; null when no worker answers for it, or it failed. */
export function watchReport(
  client: Client,
  { workflowId, runId, status }: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status'>,
): Promise<WatchReport | null> {
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  const ask = () => (status.name === 'RUNNING' ? handle.query('status') : handle.result()) as Promise<WatchReport>;
  return client.withDeadline(Date.now() + ANSWER_MS, ask).catch(() => null);
}
