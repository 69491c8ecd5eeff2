import { type Command, OUTPUT, TEMPORAL } from '../command.js';

export const doctor: Command = {
  name: 'doctor',
  arguments: '',
  summary: 'Look at everything that a release needs, and say how to mend what would stop one. Changes nothing.',
  options: [...OUTPUT],
  environment: [
    ...TEMPORAL,
    "the worker's own: CANARY_IMAGES, CANARY_FLEET_FILE or CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, ...",
    'GITHUB_TOKEN, or what Docker is logged in with',
  ],
  examples: ['canary doctor', 'canary doctor -o json', 'TEMPORAL_PROFILE=prod canary doctor || exit 1'],
  run: async (given, io) => (await import('../verbs/doctor.js')).doctor(given, io),
};
