import { BY, type Command, DRY_RUN, OUTPUT, REASON, REPORTS, TEMPORAL, TIMEOUT } from '../command.js';

export const rollback: Command = {
  name: 'rollback',
  arguments: '[sha]',
  summary: 'Move :latest of all images back to a build; without a sha, on a terminal, to one of the ledger.',
  options: [
    REASON,
    BY,
    {
      flags: '--force',
      description:
        'also to a build that was never promoted, was rejected, or is bad (it is good again then); whose tag was pushed again, or whose images say they were built from another commit; also when the lane is silent; with --direct: beside a worker',
    },
    { flags: '--no-wait', description: 'return once it has started' },
    {
      flags: '--direct',
      description: 'move from this machine, when Temporal is down; refused while a worker polls, unless forced',
    },
    DRY_RUN,
    TIMEOUT,
    ...OUTPUT,
  ],
  environment: [
    ...TEMPORAL,
    ...REPORTS,
    'with --direct and --dry-run: CANARY_IMAGES and the credentials of the registry',
  ],
  examples: [
    'canary rollback',
    'canary rollback 4c1d56e --dry-run',
    'canary rollback 4c1d56e --reason "search is slow"',
    'canary rollback 4c1d56e --reason "Temporal is down, search is slow" --direct',
  ],
  run: async (given, io) => (await import('../verbs/rollback.js')).rollback(given, io),
};
