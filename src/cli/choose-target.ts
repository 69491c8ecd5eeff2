import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import { parseSha, type Sha, sameBuild } from '../contract/sha.js';
import { goBack } from '../lane/ledger.js';
import { targetsOf } from '../lane/view.js';
import { LANE_SAYS_NOTHING } from '../temporal/lane-client.js';
import { isSilent, readLane } from '../temporal/lane-view.js';
import { knownOrWhy } from './ask-lane.js';
import type { Given, Io } from './command.js';
import { targetLines } from './lane-lines.js';
import { saysYes } from './requester.js';

/** Shows where a rollback can go and asks; null when the answer is no. A dry run moves nothing, and need not be sure.
 * @throws {InvalidInput} where nobody is there to ask, or nothing to choose from. */
export async function chooseTarget(lane: Lane, given: Given, io: Io): Promise<Sha | null> {
  const ledger = await ledgerOf(lane, io);
  if (typeof ledger === 'string') throw new InvalidInput(`which build? canary rollback <sha> --reason … (${ledger})`);
  const targets = targetsOf(ledger);
  const back = goBack(ledger);
  if (!io.ask)
    throw new InvalidInput(
      back
        ? `which build? The previous good one: canary rollback ${back} --reason …`
        : 'which build? The ledger knows of no good one before this: canary history, canary rollback <sha> --reason …',
    );
  for (const line of targetLines(targets, back)) io.err(line);
  const typed = (await io.ask(`Back to which build?${back ? ` [${back}]` : ''} `)).trim() || back;
  if (!typed) throw new InvalidInput('no build was chosen, and the ledger knows of no good one before this');
  const wanted = parseSha(typed);
  const sha = targets.find((one) => sameBuild(one.sha, wanted))?.sha ?? wanted;
  if (given.options.dryRun === true) return sha;
  return (await saysYes(io.ask, `Move :latest of all images back to ${sha}?`)) ? sha : null;
}

/** Or why there is none. */
const ledgerOf = (lane: Lane, io: Io) =>
  knownOrWhy(io, async (client) => {
    const state = await readLane(client, lane);
    return isSilent(state) ? LANE_SAYS_NOTHING[state] : state.ledger;
  });
