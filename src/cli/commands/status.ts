import { type Command, OUTPUT, TEMPORAL } from '../command.js';

export const status: Command = {
  name: 'status',
  arguments: '[sha]',
  summary: 'Where a release stands and why; without a sha, what is live and what is under way.',
  options: [{ flags: '--watch', description: 'show it again whenever it changes, until Ctrl-C' }, ...OUTPUT],
  environment: [...TEMPORAL],
  examples: ['canary status', 'canary status 4c1d56e --watch', 'canary status -o json'],
  run: async (given, io) => (await import('../verbs/status.js')).status(given, io),
};
