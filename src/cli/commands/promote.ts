import { parseLane } from '../../domain/names.js';
import { parseReleaseInput } from '../../domain/release.js';
import { withClient } from '../../temporal/client.js';
import { startRelease } from '../../temporal/runs.js';
import { type Command, OUTPUT, text } from '../command.js';
import { follow } from '../follow.js';
import { requester } from '../requester.js';

export const promote: Command = {
  name: 'promote',
  arguments: '<sha>',
  summary: 'Move :latest to a build by your own word: no wait, no soak, no smoke.',
  options: [
    { flags: '--reason <text>', description: 'why; kept with the run', required: true },
    { flags: '--by <who>', description: 'who says so (default: $GITHUB_ACTOR, else user@host)' },
    { flags: '--timeout <duration>', description: 'how long to wait (default: 45m)' },
    ...OUTPUT,
  ],
  examples: ['canary promote 4c1d56e --reason "hotfix, checked by hand"'],
  run: (given, io) => {
    const lane = parseLane(io.env.CANARY_LANE ?? '');
    const requestedBy = requester(given, io);
    const input = parseReleaseInput({
      sha: given.args[0],
      promoteOnly: true,
      requestedBy,
      reason: text(given, 'reason'),
    });
    return withClient(io.env, async (client) => {
      const handle = await startRelease(client, lane, input);
      io.err(`${handle.workflowId} is started: NOT TESTED BY CANARY`);
      return follow(client, handle, given, io);
    });
  },
};
