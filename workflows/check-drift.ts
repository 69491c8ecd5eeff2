import type { Drift } from '../src/contract/lane.js';
import { laneCalls } from './shared/activity-options.js';

/** Compares both images with the ledger, and looks whether one could go back. It reports to the lane; started by a Schedule, every few minutes. */
export async function CheckDrift(): Promise<Drift | null> {
  const found = await laneCalls('compare the registry with the ledger').lookForDrift();
  if (found !== null) await laneCalls('report drift to the lane').reportDrift(found);
  return found;
}
