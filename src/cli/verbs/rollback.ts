import type { RollbackInput } from '../../contract/release.js';
import { parseRollbackInput } from '../../domain/inputs.js';
import { FORCE_GOES_ON } from '../../lane/rollback.js';
import { withClient } from '../../temporal/connect.js';
import { rejectionOf } from '../../temporal/run-record.js';
import type { RunEnd } from '../../temporal/runs.js';
import { startRollback } from '../../temporal/start.js';
import { chooseTarget } from '../choose-target.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { follow } from '../follow.js';
import { laneFrom, reasonOf, requester } from '../requester.js';
import { rehearseRollback } from './rehearse-rollback.js';
import { rollbackDirect } from './rollback-direct.js';

export async function rollback(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = given.args[0] ?? (await chooseTarget(lane, given, io));
  if (sha === null) {
    io.err('canary: nothing was moved');
    return EXIT.refused;
  }
  const input = parseRollbackInput({
    sha,
    reason: await reasonOf(given, io),
    requestedBy: requester(given, io),
    force: given.options.force,
  });
  if (given.options.dryRun) return rehearseRollback(lane, input, given, io);
  if (given.options.direct) return rollbackDirect(input, io);
  return withClient(io.env, async (client) => {
    const rejected = input.force ? null : await rejectionOf(client, lane, input.sha);
    if (rejected !== null) {
      io.err(`canary: ${rejected}: ${FORCE_GOES_ON}`);
      io.err(goOn(input));
      return EXIT.refused;
    }
    const handle = await startRollback(client, lane, input);
    io.err(`${handle.workflowId} ${handle.attached ? 'runs already: attached' : 'is started'}`);
    if (given.options.wait === false) return EXIT.done;
    return follow(client, handle, given, io, (end) => (isForceable(end) ? goOn(input) : null));
  });
}

const isForceable = ({ report }: RunEnd) => report?.outcome === 'MoveRefused' && report.why.endsWith(FORCE_GOES_ON);

/** The very command. */
const goOn = ({ sha }: RollbackInput) => `canary rollback ${sha} --force --reason …`;
