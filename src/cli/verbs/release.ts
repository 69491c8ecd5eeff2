import { taskQueue } from '../../contract/ids.js';
import { parseReleaseInput } from '../../domain/inputs.js';
import { withClient } from '../../temporal/connect.js';
import { workersOn } from '../../temporal/pollers.js';
import { startRelease } from '../../temporal/start.js';
import { type Given, type Io, textOption } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { allowedOutcomes, follow } from '../follow.js';
import { identity, laneFrom } from '../requester.js';
import { dryRun } from './rehearse.js';

export async function release(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  allowedOutcomes(given);
  const sequence = textOption(given, 'sequence');
  const input = parseReleaseInput({
    sha: given.args[0],
    requestedBy: identity(given, io),
    soak: textOption(given, 'soak'),
    approval: textOption(given, 'approval'),
    force: given.options.force,
    reason: textOption(given, 'reason'),
    commitUrl: textOption(given, 'commitUrl'),
    ...(sequence !== undefined && { sequence: /^\d+$/.test(sequence) ? Number(sequence) : sequence }),
  });
  if (given.options.dryRun) return dryRun('promotion', input, given, io);
  return withClient(io.env, async (client) => {
    const handle = await startRelease(client, lane, input);
    io.err(`${handle.workflowId} ${handle.attached ? 'runs already: attached' : 'is started'}`);
    if (given.options.wait) return follow(client, handle, given, io);
    if ((await workersOn(client, taskQueue(lane))).length > 0) return EXIT.done;
    io.err(`canary: no worker polls ${taskQueue(lane)}: it waits until one does (canary worker)`);
    return EXIT.fault;
  });
}
