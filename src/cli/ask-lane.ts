import type { Client } from '@temporalio/client';
import type { Lane } from '../contract/ids.js';
import { TemporalUnreachable, withClient } from '../temporal/connect.js';
import { LANE_SAYS_NOTHING, type NoLane } from '../temporal/lane-client.js';
import { isSilent } from '../temporal/lane-view.js';
import { type Given, type Io, wantsJson } from './command.js';
import { EXIT } from './exit-codes.js';
import { laneFrom } from './requester.js';

/** Tells something of the lane, or why it tells nothing: that there is none yet is an answer, `null` for machines. */
export function askLane<T>(
  given: Given,
  io: Io,
  ask: (client: Client, lane: Lane) => Promise<T | NoLane>,
  tell: (answer: T) => { lines: string[]; data: unknown },
): Promise<number> {
  const lane = laneFrom(io);
  return withClient(io.env, async (client) => {
    const answer = await ask(client, lane);
    if (isSilent(answer) && answer !== 'none') {
      io.err(`canary: ${LANE_SAYS_NOTHING[answer]}`);
      return EXIT.fault;
    }
    const { lines, data } = isSilent(answer) ? { lines: [LANE_SAYS_NOTHING[answer]], data: null } : tell(answer);
    for (const line of wantsJson(given) ? [JSON.stringify(data)] : lines) io.out(line);
    return EXIT.done;
  });
}

/** What Temporal tells; where it cannot be reached, why: a command that goes on without it can say so. */
export async function knownOrWhy<T>(io: Io, ask: (client: Client) => Promise<T | string>): Promise<T | string> {
  try {
    return await withClient(io.env, ask);
  } catch (error) {
    if (error instanceof TemporalUnreachable) return error.message;
    throw error;
  }
}
