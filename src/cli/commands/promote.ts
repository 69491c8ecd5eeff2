import { BY, type Command, DRY_RUN, OUTPUT, REASON, REPORTS, TEMPORAL, TIMEOUT } from '../command.js';

export const promote: Command = {
  name: 'promote',
  arguments: '<sha>',
  summary: 'Move :latest to a build by your own word: no wait, no soak, no smoke.',
  options: [REASON, BY, DRY_RUN, TIMEOUT, ...OUTPUT],
  environment: [...TEMPORAL, ...REPORTS, 'with --dry-run: CANARY_IMAGES and the credentials of the registry'],
  examples: ['canary promote 4c1d56e --reason "hotfix, checked by hand"'],
  run: async (given, io) => (await import('../verbs/promote.js')).promote(given, io),
};
