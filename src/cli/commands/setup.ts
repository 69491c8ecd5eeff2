import { type Command, TEMPORAL } from '../command.js';

export const setup: Command = {
  name: 'setup',
  arguments: '',
  summary: 'Prepare a Temporal namespace: register the search attributes. Safe to repeat.',
  options: [],
  environment: [...TEMPORAL],
  examples: ['canary setup', 'TEMPORAL_PROFILE=prod canary setup'],
  run: async (given, io) => (await import('../verbs/setup.js')).setup(given, io),
};
