import type { LaneHold, LaneState } from '../contract/lane.js';
import type { TagState } from '../contract/move.js';

/** Most builds that the ledger keeps. */
export const MAX_BUILDS = 200;

/** Most answers, and finished runs, that the lane keeps. */
export const MAX_KEPT = 100;

/** State of a lane that knows nothing yet. */
export function emptyLane(): LaneState {
  return {
    fencingToken: 0,
    queue: [],
    answers: [],
    holder: null,
    move: null,
    rollback: null,
    requestedRollbacks: [],
    finishedRuns: [],
    ledger: {
      order: {},
      seen: 0,
      highestSequence: 0,
      outOfOrder: null,
      newestPromoted: null,
      history: [],
      firstPromoted: {},
      knownBad: [],
      verdicts: [],
      hold: null,
      pause: null,
      expectedLatest: null,
      consecutivePreemptions: 0,
    },
  };
}

/** Puts the lane on hold. An earlier hold stays: what lifts one may not lift the other. */
export function putOnHold(state: LaneState, name: LaneHold['name'], why: string, moved?: TagState[]): LaneState {
  state.ledger.hold ??= { name, ...(moved && { moved }), why, by: 'the lane', since: new Date().toISOString() };
  return state;
}
