import { InvalidInput, shown } from '../contract/brand.js';
import type { Command, CommandEntry, Given, Io } from './command.js';
import { EXIT } from './exit-codes.js';

/** `canary completion`, for these commands. */
export const completionOf = (entries: CommandEntry[]): Command => ({
  options: [],
  environment: [],
  examples: ['source <(canary completion bash)', 'source <(canary completion zsh)'],
  run: (given, io) => printCompletion(entries, given, io),
});

/** Prints a bash function that completes commands and the options of the typed command; zsh runs it through bashcompinit.
 * @throws {InvalidInput} */
async function printCompletion(entries: CommandEntry[], { args: [shell] }: Given, io: Io): Promise<number> {
  if (shell !== 'bash' && shell !== 'zsh')
    throw new InvalidInput(`invalid shell ${shown(shell)}: expected bash or zsh`);
  const cases = await Promise.all(
    entries.map(async ({ name, load }) => {
      const { options } = await load();
      const flags = options.flatMap(({ flags: text }) => text.match(/--?[a-z-]+/g) ?? []);
      return `    ${name}) words="${[...flags, '--help'].join(' ')}" ;;`;
    }),
  );
  const lines = [
    ...(shell === 'zsh' ? ['autoload -U +X compinit && compinit', 'autoload -U +X bashcompinit && bashcompinit'] : []),
    '_canary() {',
    `  local words="${entries.map(({ name }) => name).join(' ')}"`,
    `  [ "$COMP_CWORD" -gt 1 ] && case "\${COMP_WORDS[1]}" in`,
    ...cases,
    '    *) words="" ;;',
    '  esac',
    `  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))`,
    '}',
    'complete -F _canary canary',
  ];
  for (const line of lines) io.out(line);
  return EXIT.done;
}
