import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Returns what a command prints on stdout. Rejects with a reason in one line, also after the time limit.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, limitMs?: number }} options
 */
export async function ask(command, args, { env, limitMs = 10_000 } = {}) {
  try {
    return (await promisify(execFile)(command, args, { env, timeout: limitMs, killSignal: 'SIGKILL' })).stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`${command} is not on PATH`);
    if (error.killed) throw new Error(`${command} did not answer within ${limitMs / 1000} s`);
    const line = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .at(-1);
    throw new Error(line || `${command} ${args.join(' ')} ended with ${error.code ?? error.signal}`);
  }
}
