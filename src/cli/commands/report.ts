import { type Command, LINKS, OUTPUT, TEMPORAL } from '../command.js';

export const report: Command = {
  name: 'report',
  arguments: '<sha>',
  summary: 'The report of a run as Markdown: of the last release of a build, or rollback to it.',
  options: [
    { flags: '--release', description: 'of the release, when a rollback came after it' },
    { flags: '--rollback', description: 'of the rollback, when a release came after it' },
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, LINKS],
  examples: ['canary report 4c1d56e', 'canary report 4c1d56e --rollback', 'canary report 4c1d56e -o json'],
  run: async (given, io) => (await import('../verbs/report.js')).report(given, io),
};
