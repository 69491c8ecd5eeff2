import { spawn } from 'node:child_process';
import { withoutControls } from '../../contract/brand.js';
import { withDeadline } from '../../net/deadline.js';
import { killGroup, variablesFor } from '../../processes/child.js';

/** Longest time of the command, in milliseconds; less than the heartbeat time-out of what runs it allows with its retries. */
const TIMEOUT_MS = 30_000;

/** The secret store did not take a token. The message has nothing of what the command printed. */
export class SecretNotStored extends Error {
  override readonly name = 'SecretNotStored';
}

export interface SecretCommand {
  command: string;
  passed: string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Variables for this run of it, none of which is secret. */
  given: Record<string, string>;
  /** What it reads from its standard input: arguments and environment are seen by others. */
  token: string;
}

/** Runs `CANARY_SECRET_COMMAND`, which takes a token from its standard input.
 * @throws {SecretNotStored} unless it exits 0 in time. */
export function runSecretCommand(options: SecretCommand, signal?: AbortSignal): Promise<void> {
  return withDeadline(TIMEOUT_MS, signal, (deadline) => run(options, deadline)).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error instanceof SecretNotStored ? error : new SecretNotStored('CANARY_SECRET_COMMAND: cannot be started');
  });
}

function run({ command, passed, env, given, token }: SecretCommand, signal: AbortSignal): Promise<void> {
  const own = variablesFor(env, passed);
  const missing = passed.find((name) => !Object.hasOwn(own, name));
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new SecretNotStored(`CANARY_SECRET_COMMAND: ${why}`));
    if (missing !== undefined) return fail(`${withoutControls(missing)} of CANARY_SECRET_COMMAND_ENV is not set`);
    // Its own process group, so that what it starts ends with it. What it prints may repeat the token.
    const child = spawn('/bin/sh', ['-c', command], {
      env: { ...own, ...given },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    signal.addEventListener(
      'abort',
      () => {
        killGroup(child);
        fail('did not end in time');
      },
      { once: true },
    );
    child.on('error', () => fail('cannot be started'));
    child.on('close', (code, killedBy) => {
      if (code === 0) resolve();
      else fail(code === null ? `was ended by ${killedBy}` : `exit ${code}`);
    });
    // One that does not read its input is judged by its exit.
    child.stdin.on('error', () => undefined);
    child.stdin.end(token);
  });
}
