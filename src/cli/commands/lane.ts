import { BY, type Command, OUTPUT, REASON, TEMPORAL } from '../command.js';

const COMMON_OPTIONS = [REASON, BY, ...OUTPUT];

export const lane: Command = {
  name: 'lane',
  arguments: '<adopt|unhold|drop|unbad> [sha]',
  summary:
    'What keeps every release back, or one build: adopt accepts where :latest stands; unhold has builds promoted by themselves again, after a rollback; drop takes its turn from a build whose run does not answer; unbad lets a build be released again that was rolled back.',
  options: [{ flags: '-y, --yes', description: 'adopt without asking' }, ...COMMON_OPTIONS],
  environment: [...TEMPORAL, 'with adopt: CANARY_IMAGES and the credentials of the registry'],
  examples: [
    'canary lane adopt --reason "restored by hand, it is right so"',
    'canary lane unhold --reason "the fix is merged"',
    'canary lane drop 4c1d56e --reason "its task fails"',
    'canary lane unbad 4c1d56e --reason "it was the database"',
  ],
  run: async (given, io) => (await import('../verbs/lane.js')).lane(given, io),
};

export const pause: Command = {
  name: 'pause',
  arguments: '',
  summary: 'Have nothing promoted: what is released is tested, and waits before it promotes. Rollbacks go on.',
  options: [
    {
      flags: '--until <time>',
      description: 'when it ends by itself: 08:00Z, the next one, or ISO 8601 (default: with resume)',
    },
    ...COMMON_OPTIONS,
  ],
  environment: [...TEMPORAL],
  examples: ['canary pause --until 08:00Z --reason "no promotions overnight"'],
  run: async (given, io) => (await import('../verbs/lane.js')).pause(given, io),
};

export const resume: Command = {
  name: 'resume',
  arguments: '',
  summary: 'End a pause.',
  options: COMMON_OPTIONS,
  environment: [...TEMPORAL],
  examples: ['canary resume --reason "the night is over"'],
  run: async (given, io) => (await import('../verbs/lane.js')).resume(given, io),
};
