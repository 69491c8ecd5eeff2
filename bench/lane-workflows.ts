import type { LaneRequest } from '../src/contract/lane.js';
import { laneWaits } from '../workflows/shared/activity-options.js';
import { ownRun } from '../workflows/shared/run.js';

export { ReleaseLane } from '../workflows/release-lane.js';

/** Release without phases: it waits for the lane, and ends as soon as it holds it. */
export async function HoldLane(request: Omit<LaneRequest, 'workflowId' | 'runId'>): Promise<void> {
  await laneWaits('wait for the lane').waitForLane({ ...request, ...ownRun() });
}
