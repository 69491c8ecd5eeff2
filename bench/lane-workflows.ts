import type { Ask } from '../src/contract/lane.js';
import { turns } from '../workflows/shared/activity-options.js';
import { ownRun } from '../workflows/turn.js';

export { ReleaseLane } from '../workflows/release-lane.js';

/** A release of which only the wait for its turn is left: it ends as soon as it has it. */
export async function TakeTurn(asked: Omit<Ask, 'workflowId' | 'runId'>): Promise<void> {
  await turns('wait for the turn').awaitTurn({ ...asked, ...ownRun() });
}
