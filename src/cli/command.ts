/** What a command may use of the world; tests give their own. */
export interface Io {
  env: NodeJS.ProcessEnv;
  /** Data, for machines. */
  out: (line: string) => void;
  /** Progress and errors, for people. */
  err: (line: string) => void;
  /** All of standard input. */
  input: () => Promise<string>;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

export interface Given {
  args: string[];
  options: Record<string, string | boolean | undefined>;
}

/** A verb, as data: what help shows, and a thin `run` that gives back the exit code. */
export interface Command {
  name: string;
  /** As commander writes it: `<sha>`, `[sha]`, or empty. */
  arguments: string;
  summary: string;
  options: { flags: string; description: string; required?: boolean }[];
  examples: string[];
  run: (given: Given, io: Io) => Promise<number>;
}

/** Options of every command that prints data. */
export const OUTPUT = [
  { flags: '-o, --output <format>', description: 'text or json' },
  { flags: '--json', description: 'the same as -o json' },
];

export const wantsJson = ({ options }: Given) => options.json === true || options.output === 'json';

/** The value of a text option, if it was given. */
export function text(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === 'string' ? value : undefined;
}
