import { type Command, LINKS, TEMPORAL } from '../command.js';

export const postmortem: Command = {
  name: 'postmortem',
  arguments: '<sha>',
  summary: 'Begin a post-mortem, as Markdown, from the record of the rollback to a build.',
  options: [],
  environment: [...TEMPORAL, LINKS],
  examples: ['canary postmortem 4c1d56e > postmortem.md'],
  run: async (given, io) => (await import('../verbs/postmortem.js')).postmortem(given, io),
};
