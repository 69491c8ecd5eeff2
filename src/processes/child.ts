import { spawn } from 'node:child_process';

/** What each command of a user gets of the environment; none of them holds a secret. */
export const PLAIN_VARIABLES = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** The variables of an environment that a command gets: those that hold no secret, and those that a user passes by name. */
export function variablesFor(
  env: Readonly<Record<string, string | undefined>>,
  passed: readonly string[],
): Record<string, string> {
  const names = [...PLAIN_VARIABLES, ...passed].filter((name) => Object.hasOwn(env, name) && env[name]);
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']));
}

/** Kills a child that leads a process group, and what it started in it; without a pid, it was not started. */
export function killGroup({ pid }: { pid?: number | undefined }): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Kills a child that leads a process group, and what it started in it, when this process is gone, also if it was killed: a shell beside it reads a pipe that ends then, and needs no other program. Without a shell on the machine the child has only its own limits.
 * @returns what ends the shell, once the child has ended. */
export function killWithThisProcess({ pid }: { pid?: number | undefined }): () => void {
  if (pid === undefined) return () => undefined;
  const script = 'while read -r _; do :; done; kill -s KILL -- "-$0"';
  try {
    const watcher = spawn('/bin/sh', ['-c', script, String(pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    watcher.on('error', () => undefined);
    watcher.stdin?.on('error', () => undefined);
    return () => killGroup(watcher);
  } catch {
    // No process, or no pipe, is left on the machine.
    return () => undefined;
  }
}
