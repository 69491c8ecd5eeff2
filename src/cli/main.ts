import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { CommanderError, Command as Program } from 'commander';
import { InvalidInput } from '../contract/brand.js';
import type { Command, Io } from './command.js';
import { COMMANDS } from './commands/index.js';
import { EXIT } from './exit-codes.js';

/** Runs the command line and gives back its exit code. */
export async function main(argv: string[], io: Io): Promise<number> {
  let code: number = EXIT.done;
  const program = new Program('canary')
    .description('Moves :latest of your images to a build only after every canary tenant ran it and passed.')
    .version(version())
    .option('--debug', 'with an error, show where it came from')
    .option('--no-color', 'accepted: there is no color')
    .helpCommand(false)
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      outputError: (text, write) => write(usageLine(text, 'canary --help')),
    })
    .exitOverride();
  for (const command of COMMANDS)
    addCommand(program, command, io, (result) => {
      code = result;
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return printError(error, program.opts().debug === true, io);
  }
}

function addCommand(program: Program, command: Command, io: Io, done: (code: number) => void): void {
  const added = program
    .command(`${command.name} ${command.arguments}`.trim())
    .description(command.summary)
    .addHelpText('after', () => moreHelp(command))
    .configureOutput({ outputError: (text, write) => write(usageLine(text, `canary ${command.name} --help`)) });
  for (const { flags, description } of command.options) added.option(flags, description);
  added.action(async () => {
    const options = added.opts<Record<string, string | boolean | undefined>>();
    if (options.output !== undefined && options.output !== 'text' && options.output !== 'json')
      throw new InvalidInput(`--output ${options.output} is neither text nor json`);
    done(await command.run({ args: added.args, options }, io));
  });
}

function moreHelp({ examples, environment }: Command): string {
  const lines = (title: string, all: string[]) =>
    all.length > 0 ? [`\n${title}:`, ...all.map((line) => `  ${line}`)] : [];
  return [...lines('Examples', examples), ...lines('Environment', environment)].join('\n');
}

/** What commander says in two lines or without a mend, as one line like every other. */
function usageLine(text: string, help: string): string {
  const [what = '', suggestion = `(${help})`] = text.trimEnd().split('\n');
  return `${what.replace(/^error:/, 'canary:')} ${suggestion}`;
}

/** One line for people: what, where, the mend. With `--debug`, where it came from too. */
function printError(error: unknown, debug: boolean, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  io.err(`canary: ${message}`);
  if (debug) io.err(inspect(error));
  const usage = error instanceof Error && (error.name === 'InvalidInput' || error.name === 'ConfigError');
  return usage ? EXIT.usage : EXIT.fault;
}

/** From package.json, which lies beside `src/` in the clone and beside `dist/` when built. */
function version(): string {
  for (const up of ['../../package.json', '../../../package.json'])
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // It lies one folder further up.
    }
  return 'unknown';
}
