import type { Client } from '@temporalio/client';
import { type Lane, watchProductionId } from '../domain/names.js';
import type { WatchReport } from '../domain/production.js';
import { parseSha } from '../domain/sha.js';
import { findRun } from './runs.js';

/** How long a watch gets to answer, in milliseconds. */
const ANSWER_MS = 800;

/** How production took a build, or takes it: `18 of 20 on it; behind: acme, globex`; null when nobody watched, or no worker answers. */
export async function productionNow(client: Client, lane: Lane, sha: string): Promise<string | null> {
  const run = await findRun(client, watchProductionId(lane, parseSha(sha)));
  if (run === null) return null;
  const handle = client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
  const ask = () => (run.status.name === 'RUNNING' ? handle.query('status') : handle.result()) as Promise<WatchReport>;
  return client.withDeadline(Date.now() + ANSWER_MS, ask).then(
    ({ why }) => why,
    () => null,
  );
}
