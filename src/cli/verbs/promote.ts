import { parseReleaseInput } from '../../domain/inputs.js';
import { withClient } from '../../temporal/connect.js';
import { startRelease } from '../../temporal/start.js';
import type { Given, Io } from '../command.js';
import { follow } from '../follow.js';
import { identity, laneFrom, reasonOf } from '../requester.js';
import { dryRun } from './rehearse.js';

export async function promote(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const requestedBy = identity(given, io);
  const reason = await reasonOf(given, io);
  const input = parseReleaseInput({ sha: given.args[0], promoteOnly: true, requestedBy, reason });
  if (given.options.dryRun) return dryRun('promotion', input, given, io);
  return withClient(io.env, async (client) => {
    const handle = await startRelease(client, lane, input);
    io.err(`${handle.workflowId} ${handle.attached ? 'runs already: attached' : 'is started: NOT TESTED BY CANARY'}`);
    return follow(client, handle, given, io);
  });
}
