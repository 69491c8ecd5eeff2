import type { LaneState } from '../../src/contract/lane.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { laneActivities } from '../shared/activity-options.js';

/** What a lane begins with. */
interface Recovered {
  state: LaneState;
  /** The same as the history has it: the input of this run, or the answer of the activity. */
  base: LaneState;
}

/** Finds what an earlier lane knew; a lane without any record begins on hold. @param isCarried whether `state` comes from the run before. */
export async function recoverState(state: LaneState, isCarried: boolean): Promise<Recovered> {
  const { recoverLane } = laneActivities('recover the state of the last lane');
  // One that began without the copy in the registry looks for it again.
  const found = await (state.ledger.lost?.unread ? recoverLane(isCarried, state) : recoverLane(isCarried));
  if (found === 'continued') return { state, base: state };
  if (found) return { state: found, base: found };
  const why = 'no earlier lane is on record, so the expected :latest is unknown (fix: canary lane adopt)';
  return { state: putOnHold(emptyLane(), 'not-recovered', why), base: emptyLane() };
}
