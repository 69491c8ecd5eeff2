import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import { parseSha, type Sha, sameBuild } from '../contract/sha.js';
import { goBack } from '../lane/ledger.js';
import { targetsOf } from '../lane/view.js';
import { LANE_UNAVAILABLE } from '../temporal/lane-client.js';
import { isUnavailable, readLane } from '../temporal/lane-view.js';
import { queryOrReason } from './ask-lane.js';
import type { Given, Io } from './command.js';
import { targetLines } from './lane-lines.js';
import { confirm } from './requester.js';

/** Shows where a rollback can go and asks; null when the answer is no. A dry run moves nothing, and need not be sure.
 * @throws {InvalidInput} where nobody is there to ask, or nothing to choose from. */
export async function promptTarget(lane: Lane, given: Given, io: Io): Promise<Sha | null> {
  const ledger = await readLedger(lane, io);
  if (typeof ledger === 'string') throw new InvalidInput(`which build? canary rollback <sha> --reason … (${ledger})`);
  const targets = targetsOf(ledger);
  const defaultTarget = goBack(ledger);
  if (!io.ask)
    throw new InvalidInput(
      defaultTarget
        ? `which build? The previous good one: canary rollback ${defaultTarget} --reason …`
        : 'which build? The ledger knows of no good one before this: canary history, canary rollback <sha> --reason …',
    );
  for (const line of targetLines(targets, defaultTarget)) io.err(line);
  const typed =
    (await io.ask(`Back to which build?${defaultTarget ? ` [${defaultTarget}]` : ''} `)).trim() || defaultTarget;
  if (!typed) throw new InvalidInput('no build was chosen, and the ledger knows of no good one before this');
  const requested = parseSha(typed);
  const sha = targets.find((one) => sameBuild(one.sha, requested))?.sha ?? requested;
  if (given.options.dryRun === true) return sha;
  return (await confirm(io.ask, `Move :latest of all images back to ${sha}?`)) ? sha : null;
}

/** Or why there is none. */
const readLedger = (lane: Lane, io: Io) =>
  queryOrReason(io, async (client) => {
    const state = await readLane(client, lane);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : state.ledger;
  });
