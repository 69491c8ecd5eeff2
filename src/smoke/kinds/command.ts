import { type ChildProcess, spawn } from 'node:child_process';
import * as z from 'zod';
import { parseDuration, rounded } from '../../domain/duration.js';
import { killGroup, killWithThisProcess } from '../../processes/child.js';
import type { Evaluation } from '../evaluate.js';
import { fillJson } from '../values.js';
import {
  type JudgeContext,
  type JudgeOptions,
  judgeValues,
  NoJudgement,
  requireAccess,
  type SecretSource,
  SOURCE,
  secretOf,
  unknownNames,
  withoutJudgement,
} from './judge.js';
import { type CheckKind, DURATION, invalidNames } from './kind.js';

/** A program of the user: exit 0 is green, 1 is red, any other could not be tested. */
export interface CommandCheck extends JudgeOptions {
  kind: 'command';
  /** Program and arguments, with `{tenant}`, `{host}` or `{url}`; no shell reads them. It runs in the folder of the suite. */
  run: readonly string[];
  /** Variables beside PATH, HOME and the like; a secret by its source. */
  env?: Readonly<Record<string, string | SecretSource>>;
  /** `60s` if left out. */
  timeout?: string;
}

const DEFAULT_TIMEOUT = '60s';
/** Most output, in bytes; more ends the command. */
const MAX_OUTPUT = 1024 * 1024;
/** End of the output that is kept, in bytes. */
const KEPT = 8 * 1024;
/** Time for the last output of a command that has ended, in milliseconds: what has left its group may keep it open. */
const LAST_OUTPUT_MS = 500;
/** Longest text of the end of the output in a result, in characters; the redaction of a result cuts it further. */
const SHOWN = 180;

export const command: CheckKind<CommandCheck> = {
  fields: {
    kind: z.literal('command'),
    run: z
      .array(
        z.string().regex(/^[^\0]{1,4096}$/, 'must be a text of at most 4096 characters'),
        'must be an array: the program and its arguments',
      )
      .min(1, 'must not be empty')
      .max(100, 'must have at most 100 parts'),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
        z.union(
          [z.string().regex(/^[^\0]{0,4096}$/, 'must be a text of at most 4096 characters'), SOURCE],
          'must be a text, { env: "NAME" } or { file: "PATH" }',
        ),
        invalidNames('variables'),
      )
      .optional(),
    timeout: DURATION.optional(),
  },
  problems: ({ run }) => unknownNames(run).map((name) => `uses {${name}}, which no judge knows`),
  async run({ judge }, check, { probe }, signal) {
    const started = performance.now();
    const evaluation = await judgeExit(judge, check, probe, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return withoutJudgement(error).evaluation;
    });
    return { evaluation, status: null, latencyMs: Math.round(performance.now() - started) };
  },
};

async function judgeExit(
  context: JudgeContext,
  check: CommandCheck,
  probe: string,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { plainEnv, folder } = requireAccess(context);
  const own = Object.entries(check.env ?? {}).map(([name, value]) => [name, secretOf(context, value)]);
  const [program = '', ...args] = fillJson([...check.run], judgeValues(context, probe)) as string[];
  const env = { ...plainEnv, ...judgedEnv(context), ...Object.fromEntries(own) };
  const timeoutMs = parseDuration(check.timeout ?? DEFAULT_TIMEOUT);
  const { code, output } = await execute(program, args, { env, cwd: folder, timeoutMs }, signal);
  const said = output.trim() === '' ? '' : `: ${output.trim().slice(-SHOWN)}`;
  if (code === 0) return { verdict: 'pass', expected: '', got: '', measured: 'exit 0' };
  if (code === 1) return { verdict: 'fail', expected: 'exit 0', got: `exit 1${said}`, measured: 'exit 1' };
  throw new NoJudgement('exit 0 or 1', `exit ${code}${said}`);
}

/** What is judged: the tenant, and the window for a command that looks back, epoch in seconds. */
const judgedEnv = ({ tenant, window }: JudgeContext): Record<string, string> => ({
  CANARY_TENANT: tenant.name,
  CANARY_URL: tenant.origin,
  ...(window && {
    CANARY_WINDOW_FROM: String(Math.floor(window.from / 1_000)),
    CANARY_WINDOW_UNTIL: String(Math.floor(window.until / 1_000)),
  }),
});

/** Runs a program to its end. It and what it started are killed when it ends, when its time is up, when the signal aborts, and when this process is gone.
 * @throws {NoJudgement} without an exit code. */
function execute(
  program: string,
  args: string[],
  { env, cwd, timeoutMs }: { env: NodeJS.ProcessEnv; cwd: string; timeoutMs: number },
  signal: AbortSignal,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    // Its own process group, so that what it starts ends with it. The streams are missing if the machine is out of open files.
    const child: Pick<ChildProcess, 'pid' | 'on'> & Partial<Pick<ChildProcess, 'stdout' | 'stderr'>> = spawn(
      program,
      args,
      { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    const endWatch = killWithThisProcess(child);
    let kept = Buffer.alloc(0);
    let size = 0;
    let isSettled = false;
    const settle = (done: () => void) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      killGroup(child);
      endWatch();
      // What has left the group lives on: it must not go on filling the memory of the worker.
      child.stdout?.destroy();
      child.stderr?.destroy();
      done();
    };
    const fail = (got: string) => settle(() => reject(new NoJudgement('exit 0 or 1', got)));
    const timer = setTimeout(() => fail(`no end within ${rounded(timeoutMs)}`), timeoutMs);
    const onAbort = () => settle(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        size += chunk.length;
        kept = Buffer.concat([kept, chunk]).subarray(-KEPT);
        if (size > MAX_OUTPUT) fail(`more than ${MAX_OUTPUT} bytes of output`);
      });
    child.on('error', (error) => fail(`cannot be started: ${(error as { code?: string }).code}`));
    child.on('exit', (code, killedBy) => {
      if (code === null) return fail(`ended by ${killedBy}`);
      const end = () => settle(() => resolve({ code, output: kept.toString('utf8') }));
      child.on('close', end);
      // What it left running ends, or it would keep the output open.
      killGroup(child);
      setTimeout(end, LAST_OUTPUT_MS);
    });
  });
}
