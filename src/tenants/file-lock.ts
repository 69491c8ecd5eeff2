import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a lock is left to its process, in milliseconds: a change takes less than a second. What a process that was killed left behind is taken away then. */
const ABANDONED_MS = 15_000;
/** Pause between two looks, in milliseconds. */
const PAUSE_MS = 20;

/** Runs while no other process on any machine that has this file runs: each of them has the lock file beside it in turn. A change by an editor is not kept out.
 * @param abandonedMs shortened by tests. */
export async function withFileLock<T>(file: string, run: () => T | Promise<T>, abandonedMs = ABANDONED_MS): Promise<T> {
  const lock = `${file}.lock`;
  const own = `${hostname()}, process ${process.pid}, ${randomUUID()}`;
  // By the steady clock of this process: those of two machines differ.
  for (let seen = { text: textOf(lock), since: performance.now() }; !take(lock, own); await delay(PAUSE_MS)) {
    const text = textOf(lock);
    if (text !== seen.text) seen = { text, since: performance.now() };
    else if (text !== null && performance.now() - seen.since >= abandonedMs) removeAbandoned(lock, text);
  }
  try {
    return await run();
  } finally {
    if (textOf(lock) === own) rmSync(lock, { force: true });
  }
}

/** Takes the lock, if no other process has it. */
function take(lock: string, own: string): boolean {
  try {
    writeFileSync(lock, own, { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes the lock of a process that is gone. If another process took it away first and has the lock now, it keeps it. */
function removeAbandoned(lock: string, text: string): void {
  const removed = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, removed);
    if (readFileSync(removed, 'utf8') !== text) copyFileSync(removed, lock, constants.COPYFILE_EXCL);
  } catch {
    // It is gone, or a third process has the lock; the file is compared before it is replaced, too.
  } finally {
    rmSync(removed, { force: true });
  }
}

/** Text of the lock; null without one. A process that was killed as it took the lock left one without a text. */
function textOf(lock: string): string | null {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return null;
  }
}
