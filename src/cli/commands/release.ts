import { taskQueue } from '../../contract/ids.js';
import { parseReleaseInput } from '../../domain/inputs.js';
import { withClient } from '../../temporal/connect.js';
import { workersOn } from '../../temporal/pollers.js';
import { queryStatus } from '../../temporal/runs.js';
import { startRelease } from '../../temporal/start.js';
import {
  ALLOW,
  BY,
  type Command,
  DRY_RUN,
  FLOOR,
  type Given,
  type Io,
  isWholeNumber,
  OUTPUT,
  REGISTRY,
  REPORTS,
  TEMPORAL,
  TIMEOUT,
  textOption,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { identity, laneFrom, tokenOf } from '../identity.js';
import { ABORT_ON_INTERRUPT } from '../wait/detach.js';
import { allowedOutcomes, follow } from '../wait/follow.js';
import { timeoutOf } from '../wait/timeout.js';

export const release: Command = {
  options: [
    { flags: '--wait', description: 'wait until it has ended; the exit code is its outcome' },
    ALLOW,
    ABORT_ON_INTERRUPT,
    { flags: '--sequence <number>', description: 'grows with each build, e.g. the run id of the publish run' },
    { flags: '--soak <duration>', description: 'soak for longer than configured, e.g. 10m' },
    {
      flags: '--approval <required>',
      description: 'wait for an approval before promoting, even if none is configured',
    },
    {
      flags: '--force',
      description: 'allow less than configured, or an older build; needs --reason, and then waits for an approval',
    },
    FLOOR,
    { flags: '--reason <text>', description: 'why; kept with the run' },
    { flags: '--commit-url <url>', description: 'where people can read the change' },
    BY,
    DRY_RUN,
    TIMEOUT,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, ...REPORTS, `with --dry-run: ${REGISTRY}`],
  examples: [
    'canary release 4c1d56e',
    'canary release 4c1d56e --wait -o json',
    'canary release 4c1d56e --wait --allow superseded,skipped --timeout 60m',
    'canary release 4c1d56e --dry-run',
  ],
  run,
};

/** How long a worker may take to answer for a release that it was given, in milliseconds. */
const TAKEN_MS = 10_000;

async function run(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  allowedOutcomes(given);
  timeoutOf(given);
  const sequence = textOption(given, 'sequence');
  const input = parseReleaseInput({
    sha: given.args[0],
    requestedBy: identity(given, io),
    soak: textOption(given, 'soak'),
    approval: textOption(given, 'approval'),
    force: given.options.force,
    reason: textOption(given, 'reason'),
    floor: textOption(given, 'floor'),
    commitUrl: textOption(given, 'commitUrl'),
    ...(sequence !== undefined && { sequence: isWholeNumber(sequence) ? Number(sequence) : sequence }),
  });
  if (given.options.dryRun) return (await import('../local/dry-run.js')).dryRunPromotion(lane, input, given, io);
  const token = await tokenOf(io);
  return withClient(io.env, async (client) => {
    const handle = await startRelease(client, lane, input, token);
    io.err(`${handle.workflowId} ${handle.attached ? 'is already running: attached' : 'is started'}`);
    if (given.options.wait) return follow(client, handle, given, io);
    const waits = 'the release waits until one does (canary worker';
    if ((await workersOn(client, taskQueue(lane))).length === 0)
      io.err(`canary: no worker polls ${taskQueue(lane)}: ${waits})`);
    // The server lists a worker for minutes after its end: only an answer shows that one is there.
    else if ((await queryStatus(client, handle.workflowId, TAKEN_MS)) !== null) return EXIT.done;
    else
      io.err(
        `canary: no worker answers for ${handle.workflowId} within ${TAKEN_MS / 1000} s: ${waits}; canary doctor, if one polls)`,
      );
    return EXIT.fault;
  });
}
