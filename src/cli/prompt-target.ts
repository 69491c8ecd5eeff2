import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import { parseSha, type Sha, sameBuild } from '../contract/sha.js';
import { defaultRollbackTarget } from '../lane/ledger.js';
import { targetsOf } from '../lane/view.js';
import { LANE_UNAVAILABLE, LONG_READ_MS } from '../temporal/lane-client.js';
import { isUnavailable, readLane } from '../temporal/lane-view.js';
import type { Given, Io } from './command.js';
import { confirm } from './identity.js';
import { queryOrReason } from './lane-query.js';
import { targetLines } from './print/lane.js';

/** Shows the targets of a rollback and asks for one; null if the person does not confirm. `--yes` takes the previous good
 * build. A dry run moves nothing, so it asks for no confirmation.
 * @throws {InvalidInput} without a terminal, and if the ledger knows no target. */
export async function promptTarget(lane: Lane, given: Given, io: Io): Promise<Sha | null> {
  const ledger = given.options.direct
    ? await (await import('./local/ledger-copy.js')).ledgerByCopy(io)
    : await readLedger(lane, io);
  if (typeof ledger === 'string') throw new InvalidInput(`which build? canary rollback <sha> --reason … (${ledger})`);
  const targets = targetsOf(ledger);
  const defaultTarget = defaultRollbackTarget(ledger);
  if (!io.ask)
    throw new InvalidInput(
      defaultTarget
        ? `which build? The previous good one: canary rollback ${defaultTarget} --reason …`
        : 'which build? The ledger has no earlier good one: canary history, canary rollback <sha> --reason …',
    );
  for (const line of targetLines(targets, defaultTarget)) io.err(line);
  const isUnattended = given.options.yes === true;
  const question = `Roll back to which build?${defaultTarget ? ` [${defaultTarget}]` : ''} `;
  const typed = (isUnattended ? '' : (await io.ask(question)).trim()) || defaultTarget;
  if (!typed)
    throw new InvalidInput(
      'no build was chosen, and the ledger has no earlier good one: canary rollback <sha> --reason …',
    );
  const requested = parseSha(typed);
  const sha = targets.find((one) => sameBuild(one.sha, requested))?.sha ?? requested;
  if (isUnattended || given.options.dryRun === true) return sha;
  return (await confirm(io.ask, `Move :latest of all images back to ${sha}?`)) ? sha : null;
}

/** The ledger; a text is the reason why it cannot be read. */
const readLedger = (lane: Lane, io: Io) =>
  queryOrReason(io, async (client) => {
    const state = await readLane(client, lane, LONG_READ_MS);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : state.ledger;
  });
