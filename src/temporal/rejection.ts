import type { Client } from '@temporalio/client';
import { type Lane, releaseId } from '../domain/names.js';
import type { Sha } from '../domain/sha.js';
import { findRun, runEnd } from './runs.js';

/** Why canary rejected a build when it was released last; null when it did not, or nobody knows any more. */
export async function rejectionOf(client: Client, lane: Lane, sha: Sha): Promise<string | null> {
  const run = await findRun(client, releaseId(lane, sha));
  if (run === null || run.status.name === 'RUNNING') return null;
  const { report } = await runEnd(client.workflow.getHandle(run.workflowId, run.runId));
  return report?.outcome === 'CanaryRejected' ? `canary rejected ${sha} on ${report.ended}: ${report.why}` : null;
}
