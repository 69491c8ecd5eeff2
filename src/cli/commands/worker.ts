import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const worker: Command = {
  name: 'worker',
  arguments: '',
  summary: 'Carry releases out, until SIGTERM or Ctrl-C.',
  options: [],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens GITHUB_TOKEN_FILE=token canary worker',
  ],
  async run(_given, io) {
    // Loaded here alone: the SDK's native part costs half a second, and no other verb needs it.
    const { runWorker } = await import('../../../workers/main.js');
    await runWorker(io.env);
    return EXIT.done;
  },
};
