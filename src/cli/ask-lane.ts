import type { Client } from '@temporalio/client';
import type { LaneState } from '../domain/lane/state.js';
import { parseLane } from '../domain/names.js';
import { withClient } from '../temporal/client.js';
import { isSilent, LANE_SAYS_NOTHING, readLane } from '../temporal/read-lane.js';
import { type Given, type Io, wantsJson } from './command.js';
import { EXIT } from './exit-codes.js';

/** Tells something of the lane, or why it tells nothing: that there is none yet is an answer, `null` for machines. */
export function askLane(
  given: Given,
  io: Io,
  tell: (state: LaneState, client: Client) => Promise<{ lines: string[]; data: unknown }>,
): Promise<number> {
  const lane = parseLane(io.env.CANARY_LANE ?? '');
  return withClient(io.env, async (client) => {
    const state = await readLane(client, lane);
    if (isSilent(state) && state !== 'none') {
      io.err(`canary: ${LANE_SAYS_NOTHING[state]}`);
      return EXIT.fault;
    }
    const told = isSilent(state) ? { lines: [LANE_SAYS_NOTHING[state]], data: null } : await tell(state, client);
    for (const line of wantsJson(given) ? [JSON.stringify(told.data)] : told.lines) io.out(line);
    return EXIT.done;
  });
}
