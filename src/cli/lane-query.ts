import type { Client } from '@temporalio/client';
import type { Lane } from '../contract/ids.js';
import { TemporalUnreachable, withClient } from '../temporal/connect.js';
import { promptly } from '../temporal/faults/in-time.js';
import { LANE_UNAVAILABLE, type LaneUnavailable } from '../temporal/lane-client.js';
import { isUnavailable } from '../temporal/lane-view.js';
import { type Given, type Io, wantsJson } from './command.js';
import { EXIT } from './exit-codes.js';
import { laneFrom } from './identity.js';

/** Prints an answer of the lane, or why there is none. A lane that does not exist yet is an answer: `null` as JSON. */
export function printLaneQuery<T>(
  given: Given,
  io: Io,
  query: (client: Client, lane: Lane) => Promise<T | LaneUnavailable>,
  format: (answer: T) => { lines: string[]; data: unknown },
): Promise<number> {
  const lane = laneFrom(io);
  return withClient(io.env, async (client) => {
    const answer = await promptly(client, () => query(client, lane));
    if (isUnavailable(answer) && answer !== 'none') {
      io.err(`canary: ${LANE_UNAVAILABLE[answer]}`);
      return EXIT.fault;
    }
    const { lines, data } = isUnavailable(answer) ? { lines: [LANE_UNAVAILABLE[answer]], data: null } : format(answer);
    for (const line of wantsJson(given) ? [JSON.stringify(data)] : lines) io.out(line);
    return EXIT.done;
  });
}

/** The answer of Temporal; a text is the reason why there is none, for a command that can continue without. */
export async function queryOrReason<T>(io: Io, query: (client: Client) => Promise<T | string>): Promise<T | string> {
  try {
    return await withClient(io.env, query);
  } catch (error) {
    if (error instanceof TemporalUnreachable) return error.message;
    throw error;
  }
}
