import { type Command, TEMPORAL } from '../command.js';

export const worker: Command = {
  name: 'worker',
  arguments: '',
  summary: 'Carry releases out, until SIGTERM or Ctrl-C.',
  options: [],
  environment: [...TEMPORAL, 'all of docs/configuration.md'],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens GITHUB_TOKEN_FILE=token canary worker',
  ],
  run: async (given, io) => (await import('../verbs/worker.js')).worker(given, io),
};
