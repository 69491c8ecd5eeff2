import type { Client } from '@temporalio/client';
import type { LaneState } from '../domain/lane/state.js';
import { type Lane, releaseLaneId } from '../domain/names.js';
import { laneClient } from './lane-client.js';
import { findRun } from './runs.js';

/** A lane that does not tell its state, in words. */
export const LANE_SAYS_NOTHING = {
  none: 'there is no lane yet: canary setup',
  closed: 'the lane was ended: the next release starts it again, and it recovers what it knew',
  silent: 'the lane does not answer: no worker serves it (canary worker), or it is stuck (canary doctor)',
} as const;
export type NoLane = keyof typeof LANE_SAYS_NOTHING;

/** All that the lane knows, or why it is not to be had; within about a second. */
export async function readLane(client: Client, lane: Lane): Promise<LaneState | NoLane> {
  const [state, run] = await Promise.all([laneClient(client, lane).state(), findRun(client, releaseLaneId(lane))]);
  if (state !== null) return state;
  if (run === null) return 'none';
  return run.status.name === 'RUNNING' ? 'silent' : 'closed';
}

export const isSilent = (told: LaneState | NoLane): told is NoLane => typeof told === 'string';
