import type { RollbackInput } from '../../contract/release.js';
import { parseRollbackInput } from '../../domain/inputs.js';
import { withClient } from '../../temporal/connect.js';
import { rejectionOf } from '../../temporal/run-record.js';
import type { RunEnd } from '../../temporal/runs.js';
import { startRollback } from '../../temporal/start.js';
import { promptTarget } from '../choose-target.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { follow } from '../follow.js';
import { identity, laneFrom, reasonOf } from '../requester.js';
import { dryRunRollback } from './rehearse-rollback.js';
import { rollbackDirect } from './rollback-direct.js';

export async function rollback(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = given.args[0] ?? (await promptTarget(lane, given, io));
  if (sha === null) {
    io.err('canary: nothing was moved');
    return EXIT.refused;
  }
  const input = parseRollbackInput({
    sha,
    reason: await reasonOf(given, io),
    requestedBy: identity(given, io),
    force: given.options.force,
  });
  if (given.options.dryRun) return dryRunRollback(lane, input, given, io);
  if (given.options.direct) return rollbackDirect(input, io);
  return withClient(io.env, async (client) => {
    const rejection = input.force ? null : await rejectionOf(client, lane, input.sha);
    if (rejection !== null) {
      io.err(`canary: ${rejection}`);
      io.err(forceCommand(input));
      return EXIT.refused;
    }
    const handle = await startRollback(client, lane, input);
    io.err(`${handle.workflowId} ${handle.attached ? 'runs already: attached' : 'is started'}`);
    if (given.options.wait === false) return EXIT.done;
    return follow(client, handle, given, io, (end) => (isForceable(end) ? forceCommand(input) : null));
  });
}

const isForceable = ({ report }: RunEnd) => report !== null && 'refusal' in report && report.refusal === 'needs-force';

/** The very command. */
const forceCommand = ({ sha }: RollbackInput) => `canary rollback ${sha} --force --reason …`;
