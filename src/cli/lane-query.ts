import type { Client } from '@temporalio/client';
import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import type { Sha } from '../contract/sha.js';
import { type LedgerRecord, ledgerRecord } from '../report/ledger-record.js';
import { TemporalUnreachable, withClient } from '../temporal/connect.js';
import { promptly } from '../temporal/faults/in-time.js';
import { LANE_UNAVAILABLE, type LaneUnavailable } from '../temporal/lane-client.js';
import { isUnavailable, readLane } from '../temporal/lane-view.js';
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

/** What the ledger knows of a build, of which Temporal has no run.
 * @param ids runs that were looked for.
 * @param kind only what a release, or a rollback, brought to `:latest`.
 * @throws {InvalidInput} if it knows nothing. */
export async function recordFromLedger(
  client: Client,
  lane: Lane,
  sha: Sha,
  ids: string[],
  kind?: 'release' | 'rollback',
): Promise<LedgerRecord> {
  const state = await readLane(client, lane);
  const record = isUnavailable(state) ? null : ledgerRecord(state.ledger, sha, kind);
  if (record) return record;
  const silent = isUnavailable(state) && state !== 'none' ? `, and ${LANE_UNAVAILABLE[state]}` : '';
  throw new InvalidInput(`no run ${ids.join(' or ')}${silent} (canary status)`);
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
