import { parseLane, taskQueue } from '../../domain/names.js';
import { parseReleaseInput } from '../../domain/release.js';
import { withClient } from '../../temporal/client.js';
import { workersOn } from '../../temporal/pollers.js';
import { startRelease } from '../../temporal/runs.js';
import { type Command, OUTPUT, text } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { follow } from '../follow.js';
import { requester } from '../requester.js';

export const release: Command = {
  name: 'release',
  arguments: '<sha>',
  summary: 'Take a build from :staging-<sha> to :latest, if every canary tenant passes.',
  options: [
    { flags: '--wait', description: 'stay until it has ended; the exit code tells how' },
    { flags: '--soak <duration>', description: 'soak for longer than configured, e.g. 10m' },
    { flags: '--approval <required>', description: 'a human has to say yes, whatever is configured' },
    { flags: '--force', description: 'take less than configured; needs --reason, and then an approval' },
    { flags: '--reason <text>', description: 'why; kept with the run' },
    { flags: '--commit-url <url>', description: 'where people can read the change' },
    { flags: '--by <who>', description: 'who asks for it (default: $GITHUB_ACTOR, else user@host)' },
    { flags: '--timeout <duration>', description: 'how long --wait waits (default: 45m)' },
    ...OUTPUT,
  ],
  examples: ['canary release 4c1d56e', 'canary release 4c1d56e --wait -o json'],
  run: (given, io) => {
    const lane = parseLane(io.env.CANARY_LANE ?? '');
    const input = parseReleaseInput({
      sha: given.args[0],
      requestedBy: requester(given, io),
      soak: text(given, 'soak'),
      approval: text(given, 'approval'),
      force: given.options.force,
      reason: text(given, 'reason'),
      commitUrl: text(given, 'commitUrl'),
    });
    return withClient(io.env, async (client) => {
      const handle = await startRelease(client, lane, input);
      io.err(`${handle.workflowId} is started`);
      if (given.options.wait) return follow(client, handle, given, io);
      if ((await workersOn(client, taskQueue(lane))).length > 0) return EXIT.done;
      io.err(`canary: no worker polls ${taskQueue(lane)}: it waits until one does (canary worker)`);
      return EXIT.fault;
    });
  },
};
