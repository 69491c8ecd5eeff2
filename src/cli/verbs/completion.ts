import { InvalidInput, shown } from '../../contract/brand.js';
import type { Given, Io } from '../command.js';
import { COMMANDS } from '../commands/index.js';
import { EXIT } from '../exit-codes.js';

/** A function of bash that completes verbs, and the options of the verb that is there; zsh runs it too. */
export async function completion({ args: [shell] }: Given, io: Io): Promise<number> {
  if (shell !== 'bash' && shell !== 'zsh') throw new InvalidInput(`shell ${shown(shell)} is neither bash nor zsh`);
  const commandNames = COMMANDS.map(({ name }) => name).join(' ');
  const cases = COMMANDS.map(({ name, options }) => {
    const flags = options.flatMap(({ flags: text }) => text.match(/--?[a-z-]+/g) ?? []);
    return `    ${name}) words="${[...flags, '--help'].join(' ')}" ;;`;
  });
  const lines = [
    ...(shell === 'zsh' ? ['autoload -U +X compinit && compinit', 'autoload -U +X bashcompinit && bashcompinit'] : []),
    '_canary() {',
    `  local words="${commandNames}"`,
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
