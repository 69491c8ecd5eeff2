/** The outside world as the process has it, or a test. Commands get an `Io`. */
export interface Terminal {
  env: NodeJS.ProcessEnv;
  /** Prints one line to stdout: data, for machines. */
  out: (line: string) => void;
  /** Prints one line to stderr: progress and errors, for people. */
  err: (line: string) => void;
  /** Reads all of standard input. */
  input: () => Promise<string>;
  /** Asks the person at the terminal; absent without a terminal. */
  ask?: (question: string) => Promise<string>;
  /** Whether stdout is a terminal; what is piped may be published. */
  isTerminal?: boolean;
  /** Aborted by Ctrl-C and its like, with an `Interrupted` (src/cli/interrupt.ts). */
  signal: AbortSignal;
}

/** What a command may use of the outside world. Every line is escaped on its way (src/cli/safe-io.ts). */
export interface Io extends Terminal {
  /** Prints a workflow command of GitHub Actions, made by src/report/annotations.ts, to stderr. */
  command: (line: string) => void;
}

export interface Given {
  args: string[];
  options: Record<string, string | boolean | undefined>;
}

/** A command as `canary --help` lists it; the rest is loaded when it is used. */
export interface CommandEntry {
  name: string;
  /** In commander's notation: `<sha>`, `[sha]`, or empty. */
  arguments: string;
  summary: string;
  /** Whether it works without `--gate` where there are several gates. */
  worksOnAll?: true;
  load: () => Promise<Command>;
}

/** The rest of a command: what its own help shows, and what it does. */
export interface Command {
  /** Shown in its own help instead of the summary. */
  description?: string;
  options: { flags: string; description: string }[];
  examples: string[];
  /** Environment variables it reads, for help. */
  environment: string[];
  /** Resolves to the exit code. */
  run: (given: Given, io: Io) => Promise<number>;
}

export const BY = {
  flags: '--by <who>',
  description: 'who requests it, as you claim it (default: $GITHUB_ACTOR, else user@host)',
};
export const REASON = {
  flags: '--reason <text>',
  description: 'why; kept with the run; asked for on a terminal unless --yes is given',
};
export const FLOOR = {
  flags: '--floor <sha>',
  description: 'oldest build that can run on the data of this one: a rollback to an older one needs --force',
};
export const TIMEOUT = { flags: '--timeout <duration>', description: 'how long to wait for its end (default: 45m)' };
export const DRY_RUN = { flags: '--dry-run', description: 'check everything, print what would move, and move nothing' };
export const ALLOW = {
  flags: '--allow <outcomes>',
  description: 'with --wait: exit 0 for these outcomes too: superseded, skipped',
};

/** @param answers what `--yes` answers besides, a clause. */
export const yes = (answers = '') => ({
  flags: '-y, --yes',
  description: `ask nothing on a terminal: ${answers}--reason is required`,
});

/** How Temporal is found; every command that connects to it reads these. */
export const TEMPORAL = [
  'TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, or TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE',
  'CANARY_LANE',
];

/** What reports link to. */
export const LINKS = 'CANARY_UI_URL, CANARY_RUNBOOK_URL';

/** Environment of a command that waits for the end of a run, besides Temporal's. */
export const REPORTS = [
  LINKS,
  'in GitHub Actions: GITHUB_STEP_SUMMARY receives the report, GITHUB_OUTPUT sha, ran and outcome',
];

/** Environment of a command that works on the registry from this machine. */
export const REGISTRY = 'CANARY_IMAGES and the registry credentials of this machine';

/** Options of every command that prints data. */
export const OUTPUT = [
  { flags: '-o, --output <format>', description: 'text or json' },
  { flags: '--json', description: 'same as -o json' },
];

export const wantsJson = ({ options }: Given) => options.json === true || options.output === 'json';

/** The value of a text option, if it was given. */
export function textOption(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Whether a text is a whole number that JavaScript keeps exactly; a longer one is shown as it was typed. */
export const isWholeNumber = (text: string): boolean => /^\d+$/.test(text) && Number.isSafeInteger(Number(text));

/** Command that is typed, before the program is loaded: the first argument that is no option. Of the options before it, `--gate` takes a value. */
export const typedCommand = (args: readonly string[]): string | undefined =>
  args.find((one, at) => !one.startsWith('-') && args[at - 1] !== '--gate');
