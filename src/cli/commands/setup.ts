import { BY, type Command, TEMPORAL } from '../command.js';

export const setup: Command = {
  name: 'setup',
  arguments: '',
  summary:
    'Prepare a Temporal namespace: register the search attributes, change its retention where that is asked for, and, before the first release, have the lane begin with :latest as it stands. Safe to repeat.',
  options: [
    {
      flags: '--retention <duration>',
      description: 'how long the namespace keeps ended runs, at least 24h, e.g. 720h',
    },
    BY,
  ],
  environment: [...TEMPORAL, 'the first time: CANARY_IMAGES and the credentials of the registry'],
  examples: ['canary setup', 'canary setup --retention 720h', 'TEMPORAL_PROFILE=prod canary setup'],
  run: async (given, io) => (await import('../verbs/setup.js')).setup(given, io),
};
