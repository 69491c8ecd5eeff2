import { BY, type Command, DRY_RUN, OUTPUT, REASON, REPORTS, TEMPORAL, TIMEOUT } from '../command.js';

export const rollback: Command = {
  name: 'rollback',
  arguments: '<sha>',
  summary: 'Move :latest of all images back to a build.',
  options: [
    REASON,
    BY,
    { flags: '--force', description: 'also to images that say they were built from another commit' },
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
    'canary rollback 4c1d56e --reason "search is slow"',
    'canary rollback 4c1d56e --reason "Temporal is down, search is slow" --direct',
  ],
  run: async (given, io) => (await import('../verbs/rollback.js')).rollback(given, io),
};
