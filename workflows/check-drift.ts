import type { Drift } from '../src/contract/lane.js';
import { laneReads } from './shared/activity-options.js';

/** Compares both images with the ledger, and looks whether one could go back. It reports to the lane; started by a Schedule, every few minutes. */
export async function CheckDrift(): Promise<Drift | null> {
  const found = await laneReads('does the registry agree with the ledger?').lookForDrift();
  if (found !== null) await laneReads('tell the lane').tellDrift(found);
  return found;
}
