import { type Command, OUTPUT, TEMPORAL } from '../command.js';

export const history: Command = {
  name: 'history',
  arguments: '',
  summary: 'The ledger, newest first: what moved :latest, when, on whose word, and which builds are bad.',
  options: [{ flags: '--limit <number>', description: 'how many moves, and bad builds (default: 20)' }, ...OUTPUT],
  environment: [...TEMPORAL],
  examples: ['canary history', 'canary history --limit 5 -o json'],
  run: async (given, io) => (await import('../verbs/history.js')).history(given, io),
};
