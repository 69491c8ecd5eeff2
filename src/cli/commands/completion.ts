import type { Command } from '../command.js';

export const completion: Command = {
  name: 'completion',
  arguments: '<shell>',
  summary: 'Print what makes bash or zsh complete verbs and options.',
  options: [],
  environment: [],
  examples: ['source <(canary completion bash)', 'source <(canary completion zsh)'],
  run: async (given, io) => (await import('../verbs/completion.js')).completion(given, io),
};
