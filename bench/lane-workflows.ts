import type { LaneRequest } from '../src/contract/lane.js';
import { laneWaits } from '../workflows/shared/activity-options.js';
import { ownRun } from '../workflows/shared/run.js';

export { ReleaseLane } from '../workflows/release-lane.js';

/** A release of which only the wait for the lane is left: it ends as soon as it holds it. */
export async function TakeTurn(asked: Omit<LaneRequest, 'workflowId' | 'runId'>): Promise<void> {
  await laneWaits('wait for the lane').waitForLane({ ...asked, ...ownRun() });
}
