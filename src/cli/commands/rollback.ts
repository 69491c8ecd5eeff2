import { parseLane } from '../../domain/names.js';
import { parseRollbackInput } from '../../domain/release.js';
import { withClient } from '../../temporal/client.js';
import { startRollback } from '../../temporal/runs.js';
import { type Command, OUTPUT, text } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { follow } from '../follow.js';
import { requester } from '../requester.js';

export const rollback: Command = {
  name: 'rollback',
  arguments: '<sha>',
  summary: 'Move :latest of all images back to a build.',
  options: [
    { flags: '--reason <text>', description: 'why; kept with the run', required: true },
    { flags: '--by <who>', description: 'who asks for it (default: $GITHUB_ACTOR, else user@host)' },
    { flags: '--no-wait', description: 'return once it has started' },
    { flags: '--timeout <duration>', description: 'how long to wait (default: 45m)' },
    ...OUTPUT,
  ],
  examples: ['canary rollback 4c1d56e --reason "search is slow"'],
  run: (given, io) => {
    const lane = parseLane(io.env.CANARY_LANE ?? '');
    const input = parseRollbackInput({
      sha: given.args[0],
      reason: text(given, 'reason'),
      requestedBy: requester(given, io),
    });
    return withClient(io.env, async (client) => {
      const handle = await startRollback(client, lane, input);
      io.err(`${handle.workflowId} is started`);
      return given.options.wait === false ? EXIT.done : follow(client, handle, given, io);
    });
  },
};
