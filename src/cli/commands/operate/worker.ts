import { type Command, TEMPORAL } from '../../command.js';
import { EXIT } from '../../exit-codes.js';

export const worker: Command = {
  options: [],
  environment: [...TEMPORAL, 'all of docs/configuration.md'],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens GITHUB_TOKEN_FILE=token canary worker',
  ],
  run: async (_given, io) => {
    const { runWorker } = await import('../../../../workers/main.js');
    await runWorker(io.env, io.signal);
    return EXIT.done;
  },
};
