import type { LaneHold, LaneState, Pause } from '../contract/lane.js';
import type { TagState } from '../contract/move.js';
import type { Sha } from '../contract/sha.js';

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

/** Hold after a rollback: set when it begins, for it may fail yet. One that is about where `:latest` stands stays until its move is whole. */
export const afterRollback = (sha: Sha, by: string, reason: string, since: string): LaneHold => ({
  name: 'after-rollback',
  why: `a rollback to ${sha} was begun by ${by}: ${reason}`,
  by,
  since,
});

/** Whether a pause counts at `now` (epoch, ms); an expired one does not. */
export const isPaused = (pause: Pause | null, now: number): boolean =>
  pause !== null && (pause.until === undefined || now < Date.parse(pause.until));
