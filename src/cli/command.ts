/** What a command may use of the world; tests give their own. */
export interface Io {
  env: NodeJS.ProcessEnv;
  /** Data, for machines. */
  out: (line: string) => void;
  /** Progress and errors, for people. */
  err: (line: string) => void;
  /** All of standard input. */
  input: () => Promise<string>;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  ask?: (question: string) => Promise<string>;
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
  options: { flags: string; description: string }[];
  examples: string[];
  /** What it reads of the environment, for help. */
  environment: string[];
  run: (given: Given, io: Io) => Promise<number>;
}

export const BY = {
  flags: '--by <who>',
  description: 'who asks for it, as you claim it (default: $GITHUB_ACTOR, else user@host)',
};
export const REASON = { flags: '--reason <text>', description: 'why; kept with the run; asked for on a terminal' };
export const TIMEOUT = { flags: '--timeout <duration>', description: 'how long to wait for its end (default: 45m)' };
export const DRY_RUN = { flags: '--dry-run', description: 'check everything, say what would move, and move nothing' };
export const ALLOW = {
  flags: '--allow <outcomes>',
  description: 'with --wait: exit 0 for these too: superseded, skipped',
};

/** How Temporal is found; every verb that talks to it reads these. */
export const TEMPORAL = [
  'TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, or TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE',
  'CANARY_LANE',
];

/** What reports link to. */
export const LINKS = 'CANARY_UI_URL, CANARY_RUNBOOK_URL';

/** What a command that waits for the end of a run reads beside Temporal's. */
export const REPORTS = [
  LINKS,
  'in GitHub Actions: GITHUB_STEP_SUMMARY gets the report, GITHUB_OUTPUT sha, ran and outcome',
];

/** Options of every command that prints data. */
export const OUTPUT = [
  { flags: '-o, --output <format>', description: 'text or json' },
  { flags: '--json', description: 'the same as -o json' },
];

export const wantsJson = ({ options }: Given) => options.json === true || options.output === 'json';

/** The value of a text option, if it was given. */
export function textOption(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === 'string' ? value : undefined;
}
