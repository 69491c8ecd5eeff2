import type { LaneState } from '../../src/contract/lane.js';
import { putOnHold } from '../../src/lane/state.js';
import { laneActivities } from '../shared/activity-options.js';

/** Finds what an earlier lane knew; a lane without any record begins on hold. @param isCarried whether `state` comes from the run before. */
export async function recoverState(state: LaneState, isCarried: boolean): Promise<LaneState> {
  const found = await laneActivities('recover the state of the last lane').recoverLane(isCarried);
  const why = 'no earlier lane is on record, so the expected :latest is unknown (fix: canary lane adopt)';
  if (found === 'continued') return state;
  return found ?? putOnHold(state, 'not-recovered', why);
}
