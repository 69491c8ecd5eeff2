import type { LaneHold, LaneState } from '../contract/lane.js';

/** Builds that a ledger remembers. */
export const MAX_BUILDS = 200;

/** Answers, and runs that moved, that are kept. */
export const MAX_KEPT = 100;

export function emptyLane(): LaneState {
  return {
    turn: 0,
    queue: [],
    answers: [],
    holder: null,
    move: null,
    rollback: null,
    announced: [],
    moved: [],
    ledger: {
      order: {},
      seen: 0,
      highestSequence: 0,
      mark: null,
      moves: [],
      firstPromoted: {},
      bad: [],
      hold: null,
      pause: null,
      left: null,
      starved: 0,
    },
  };
}

/** Nothing is promoted by itself any more. A hold that is there stays: what lifts one need not lift the other. */
export function putOnHold(state: LaneState, name: LaneHold['name'], why: string): LaneState {
  state.ledger.hold ??= { name, why, by: 'the lane', since: new Date().toISOString() };
  return state;
}
