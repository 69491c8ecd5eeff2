import type { Drift } from '../src/contract/move.js';
import { laneCalls } from './shared/activity-options.js';

/** Compares all images with the ledger, checks that the rollback targets still exist, and reports to the lane. A Schedule starts it every few minutes. */
export async function CheckDrift(): Promise<Drift | null> {
  const found = await laneCalls('compare the registry with the ledger').lookForDrift();
  if (found !== null) await laneCalls('report drift to the lane').reportDrift(found);
  return found;
}
