/** What each command of a user gets of the environment; none of them holds a secret. */
export const PLAIN_VARIABLES = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** Kills a child that leads a process group, and what it started in it; without a pid, it was not started. */
export function killGroup({ pid }: { pid?: number | undefined }): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
