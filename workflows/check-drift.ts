import { workflowInfo } from '@temporalio/workflow';
import { checkDriftId } from '../src/contract/ids.js';
import type { Drift } from '../src/contract/move.js';
import { driftChecks, laneCalls } from './shared/activity-options.js';
import { failure } from './shared/failures.js';
import { ownLane } from './shared/own-lane.js';

/** Compares all images with the ledger, checks that the rollback targets still exist, and reports to the lane. A Schedule starts it every few minutes. */
export async function CheckDrift(): Promise<Drift | null> {
  // The Schedule appends a time.
  const [id, { workflowId }] = [checkDriftId(ownLane()), workflowInfo()];
  if (!workflowId.startsWith(id))
    throw failure('ConfigInvalid', `workflow id ${workflowId} is not that of a CheckDrift (expected ${id})`);
  const found = await driftChecks('compare the registry with the ledger').lookForDrift();
  if (found !== null) await laneCalls('report drift to the lane').reportDrift(found);
  return found;
}
