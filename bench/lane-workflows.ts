import type { LaneRequest } from '../src/contract/lane.js';
import { laneWaits } from '../workflows/shared/activity-options.js';
import { ownRun } from '../workflows/turn.js';

export { ReleaseLane } from '../workflows/release-lane.js';

/** A release of which only the wait for its turn is left: it ends as soon as it has it. */
export async function TakeTurn(asked: Omit<LaneRequest, 'workflowId' | 'runId'>): Promise<void> {
  await laneWaits('wait for the turn').waitForLane({ ...asked, ...ownRun() });
}
