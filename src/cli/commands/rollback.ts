import { parseRollbackInput } from '../../domain/inputs.js';
import {
  BY,
  type Command,
  DRY_RUN,
  type Given,
  type Io,
  OUTPUT,
  REASON,
  REGISTRY,
  REPORTS,
  TEMPORAL,
  TIMEOUT,
  yes,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { identity, laneFrom, reasonOf } from '../identity.js';
import { timeoutOf } from '../wait/timeout.js';

export const rollback: Command = {
  description:
    'Move :latest of all images back to a build. Without a sha, on a terminal, lists the builds of the ledger and asks for one.',
  options: [
    REASON,
    yes('without a sha, move to the previous good build; '),
    BY,
    {
      flags: '--force',
      description:
        'also move to a build that was never promoted, was rejected, or is known bad (it counts as good afterwards), whose tag was pushed again, or whose images were built from another commit; a running rollback to it takes it until it moves; with --direct: even while a worker polls',
    },
    { flags: '--no-wait', description: 'return once it has started' },
    {
      flags: '--direct',
      description:
        'move from this machine if Temporal or its database is down; refused while it works and a worker polls, unless forced',
    },
    DRY_RUN,
    TIMEOUT,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, ...REPORTS, `with --direct and --dry-run: ${REGISTRY}`],
  examples: [
    'canary rollback',
    'canary rollback 4c1d56e --dry-run',
    'canary rollback 4c1d56e --reason "search is slow"',
    'canary rollback --yes --reason "search is slow"',
    'canary rollback 4c1d56e --reason "Temporal is down, search is slow" --direct',
  ],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  timeoutOf(given);
  const sha = given.args[0] ?? (await (await import('../prompt-target.js')).promptTarget(lane, given, io));
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
  if (given.options.dryRun)
    return (await import('../local/dry-run-rollback.js')).dryRunRollback(lane, input, given, io);
  if (given.options.direct) return (await import('../local/direct-rollback.js')).directRollback(input, io);
  return (await import('../wait/start-rollback.js')).startAndFollow(lane, input, given, io);
}
