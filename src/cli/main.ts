import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError, Command as Program } from 'commander';
import { InvalidInput, listed, MAX_PROBLEMS, shown } from '../contract/brand.js';
import { wantsTraces } from '../otlp/settings.js';
import type { Command, CommandEntry, Io, Terminal } from './command.js';
import { COMMANDS } from './commands/index.js';
import { debugLines } from './debug.js';
import { demoEnvironment } from './demo-environment.js';
import { EXIT } from './exit-codes.js';
import { packageRoot } from './package-root.js';
import { printLines, safeIo } from './safe-io.js';

/** Runs the command line and resolves to its exit code. */
export async function main(argv: string[], terminal: Terminal): Promise<number> {
  const io = safeIo(terminal);
  let code: number = EXIT.done;
  const program = new Program('canary')
    .description('Moves :latest of your images to a build only after every canary tenant ran it and passed.')
    .version(version())
    .option('--demo', 'work on the gate of `npm run demo`, which runs in this clone')
    .option('--gate <name>', 'work on one gate of CANARY_GATES_FILE, e.g. payments')
    .option('--debug', 'print the stack trace of an error too')
    .option('--no-color', 'accepted for compatibility; output is never colored')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${argumentsOf(command.name())}`.trim() })
    .configureOutput({
      writeOut: (text) => printLines(io.out, text),
      writeErr: (text) => printLines(io.err, text),
      outputError: (text, write) => write(usageLine(text, 'canary --help')),
    })
    .exitOverride();
  for (const entry of COMMANDS) addEntry(program, entry);
  program.hook('preSubcommand', async (_program, added) => {
    const entry = COMMANDS.find(({ name }) => name === added.name());
    if (!entry) return;
    const { demo, gate } = program.opts<{ demo?: boolean; gate?: string }>();
    const env = demo === true ? demoEnvironment(io.env, packageRoot) : await environmentOf(entry, gate, io.env);
    completeEntry(added, await entry.load(), { ...io, env }, (result) => {
      code = result;
    });
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return printError(error, program.opts().debug === true, io);
  }
}

const argumentsOf = (name: string) => COMMANDS.find((entry) => entry.name === name)?.arguments ?? '';

/** Adds what the help of the whole shows. */
function addEntry(program: Program, { name, arguments: args, summary }: CommandEntry): void {
  program
    .command(`${name} ${args}`.trim())
    .description(summary)
    .configureOutput({ outputError: (text, write) => write(usageLine(text, `canary ${name} --help`)) });
}

/** Adds the options, the help and the action of the command that was typed. */
function completeEntry(added: Program, command: Command, io: Io, done: (code: number) => void): void {
  if (command.description !== undefined) added.description(command.description);
  added.addHelpText('after', () => moreHelp(command));
  for (const { flags, description } of command.options) added.option(flags, description);
  added.action(async () => {
    // The worker logs them, as lines of JSON.
    if (command.environment.length > 0 && added.name() !== 'worker') await warnOfMisspelled(io);
    const options = added.opts<Record<string, string | boolean | undefined>>();
    if (options.output !== undefined && options.output !== 'text' && options.output !== 'json')
      throw new InvalidInput(`invalid --output ${shown(options.output)}: expected text or json`);
    const run = () => command.run({ args: added.args, options }, io);
    // A worker lives on: its activities are traced, and not itself.
    const isTraced = added.name() !== 'worker' && wantsTraces(io.env);
    done(isTraced ? await inSpanOf(added, io, run) : await run());
  });
}

/** The environment that a command sees: that of the gate it works on. The schema is loaded only if there are gates.
 * @throws {InvalidInput}, {ConfigError} */
async function environmentOf(entry: CommandEntry, gate: string | undefined, env: NodeJS.ProcessEnv) {
  if (gate === undefined && (entry.worksOnAll || !env.CANARY_GATES_FILE?.trim())) return env;
  const { envOfGate, gateNames } = await import('../config/gates.js');
  const readFile = (path: string) => readFileSync(path, 'utf8');
  if (gate !== undefined) return envOfGate(env, gate, readFile);
  throw new InvalidInput(`--gate is missing: CANARY_GATES_FILE names ${gateNames(env, readFile).join(', ')}`);
}

async function inSpanOf(command: Program, io: Io, run: () => Promise<number>): Promise<number> {
  const { traced } = await import('./traced.js');
  return traced(io, `canary ${command.name()}`, version(), run);
}

async function warnOfMisspelled(io: Io): Promise<void> {
  const { misspelled } = await import('../config/misspelled.js');
  for (const { name, meant } of misspelled(io.env))
    io.err(`canary: warning: ${name} has no effect: did you mean ${meant}?`);
}

function moreHelp({ examples, environment }: Command): string {
  const lines = (title: string, all: string[]) =>
    all.length > 0 ? [`\n${title}:`, ...all.map((line) => `  ${line}`)] : [];
  return [...lines('Examples', examples), ...lines('Environment', environment)].join('\n');
}

/** What is repeated of a usage error, in characters. */
const MAX_TYPED = 300;

/** Usage errors of commander come in two lines, or without a fix: one line, as every other error. */
function usageLine(text: string, help: string): string {
  const [what = '', suggestion = `(${help})`] = text.trimEnd().split('\n');
  const shown = what.length > MAX_TYPED ? `${what.slice(0, MAX_TYPED)}...` : what;
  return `${shown.replace(/^error:/, 'canary:')} ${suggestion}`;
}

/** Prints one line, or one for each problem: what failed, where, the fix; with `--debug` the stack trace too. */
function printError(error: unknown, debug: boolean, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const all = problemsOf(error);
  // A list that was cut already is one longer, by its last line.
  const problems = all.length > MAX_PROBLEMS + 1 ? listed(all) : all;
  if (problems.length > 1)
    for (const line of ['canary: configuration:', ...problems.map((one) => `  ${one}`)]) io.err(line);
  else io.err(`canary: ${error instanceof Error ? error.message : String(error)}`);
  if (debug) printLines(io.err, debugLines(error, io.env).join('\n'));
  const usage = error instanceof Error && (error.name === 'InvalidInput' || error.name === 'ConfigError');
  return usage ? EXIT.usage : EXIT.fault;
}

/** The problems of a `ConfigError` and its like, which are loaded with the commands. */
const problemsOf = (error: unknown): string[] => (error as { problems?: string[] } | undefined)?.problems ?? [];

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}
