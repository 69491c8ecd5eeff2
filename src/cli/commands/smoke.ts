import { type Command, OUTPUT } from '../command.js';

export const smoke: Command = {
  name: 'smoke',
  arguments: '',
  summary: 'Ask every canary tenant the smoke suite, now. Needs no Temporal.',
  options: [
    { flags: '--url <url>', description: 'this tenant instead of the configured ones' },
    { flags: '--token-env <name>', description: 'with --url: the variable that holds its admin token' },
    { flags: '--token-file <file>', description: 'with --url: the file that holds it, - for standard input' },
    { flags: '--junit <file>', description: 'write the results as JUnit XML too' },
    ...OUTPUT,
  ],
  environment: ['CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, or CANARY_FLEET_FILE', 'CANARY_SMOKE_SUITE'],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens canary smoke',
    'CANARY_FLEET_FILE=fleet.json CANARY_SMOKE_SUITE=suite.ts canary smoke --junit smoke.xml',
    'canary smoke --url https://canary-1.example.com --token-file - < token',
  ],
  run: async (given, io) => (await import('../verbs/smoke.js')).smoke(given, io),
};
