import { parseRollbackInput } from '../../domain/inputs.js';
import { parseLane } from '../../domain/names.js';
import { withClient } from '../../temporal/client.js';
import { startRollback } from '../../temporal/start.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { follow } from '../follow.js';
import { reasonOf, requester } from '../requester.js';
import { rehearse } from './rehearse.js';
import { rollbackDirect } from './rollback-direct.js';

export async function rollback(given: Given, io: Io): Promise<number> {
  const lane = parseLane(io.env.CANARY_LANE ?? '');
  const input = parseRollbackInput({
    sha: given.args[0],
    reason: await reasonOf(given, io),
    requestedBy: requester(given, io),
    force: given.options.force,
  });
  if (given.options.dryRun) return rehearse('rollback', input, given, io);
  if (given.options.direct) return rollbackDirect(input, io);
  return withClient(io.env, async (client) => {
    const handle = await startRollback(client, lane, input);
    io.err(`${handle.workflowId} ${handle.attached ? 'runs already: attached' : 'is started'}`);
    return given.options.wait === false ? EXIT.done : follow(client, handle, given, io);
  });
}
