import { BY, type Command, OUTPUT, REASON, TEMPORAL } from '../command.js';

const decisionCommand = (name: 'approve' | 'abort' | 'retry', summary: string): Command => ({
  name,
  arguments: '<sha>',
  summary,
  options: [
    REASON,
    { flags: '--hold <id>', description: 'the hold it is for, as status shows it (default: the one that is on)' },
    BY,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL],
  examples: [`canary ${name} 4c1d56e --reason "looked at it"`],
  run: async (given, io) => (await import('../verbs/decide.js')).decideOn(name, given, io),
});

export const approve = decisionCommand('approve', 'Go on with a held release, or promote one that waits for approval.');
export const abort = decisionCommand('abort', 'End a release before its move has begun.');
export const retry = decisionCommand('retry', 'Try again what a release is held for.');
