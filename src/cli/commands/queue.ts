import { type Command, OUTPUT, TEMPORAL } from '../command.js';

export const queue: Command = {
  name: 'queue',
  arguments: '',
  summary:
    'Who has the turn to use the canary fleet, who waits for it in which order, and what keeps builds from promotion.',
  options: [...OUTPUT],
  environment: [...TEMPORAL],
  examples: ['canary queue', 'canary queue -o json'],
  run: async (given, io) => (await import('../verbs/queue.js')).queue(given, io),
};
