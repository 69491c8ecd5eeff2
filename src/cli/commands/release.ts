import { ALLOW, BY, type Command, DRY_RUN, OUTPUT, REPORTS, TEMPORAL, TIMEOUT } from '../command.js';

export const release: Command = {
  name: 'release',
  arguments: '<sha>',
  summary: 'Take a build from :staging-<sha> to :latest, if every canary tenant passes.',
  options: [
    { flags: '--wait', description: 'stay until it has ended; the exit code tells how' },
    ALLOW,
    { flags: '--sequence <number>', description: 'grows with each build, e.g. the run id of the publish run' },
    { flags: '--soak <duration>', description: 'soak for longer than configured, e.g. 10m' },
    { flags: '--approval <required>', description: 'a human has to say yes, whatever is configured' },
    {
      flags: '--force',
      description: 'take less than configured, or an older build; needs --reason, and then an approval',
    },
    { flags: '--reason <text>', description: 'why; kept with the run' },
    { flags: '--commit-url <url>', description: 'where people can read the change' },
    BY,
    DRY_RUN,
    TIMEOUT,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, ...REPORTS, 'with --dry-run: CANARY_IMAGES and the credentials of the registry'],
  examples: [
    'canary release 4c1d56e',
    'canary release 4c1d56e --wait -o json',
    'canary release 4c1d56e --wait --allow superseded,skipped --timeout 60m',
    'canary release 4c1d56e --dry-run',
  ],
  run: async (given, io) => (await import('../verbs/release.js')).release(given, io),
};
