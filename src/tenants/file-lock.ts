import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidInput, shown } from '../contract/brand.js';

/** How long a lock is left to its process, in milliseconds: a change takes less than a second. What a process that was killed left behind is taken away then. */
const ABANDONED_MS = 15_000;
/** Longest wait for a lock, in milliseconds: less than an activity that changes the file has. */
const LIMIT_MS = 60_000;
/** Pause between two looks, in milliseconds. */
const PAUSE_MS = 20;

export interface LockWaits {
  signal?: AbortSignal | undefined;
  /** Shortened by tests. */
  abandonedMs?: number;
  limitMs?: number;
}

/** Runs while no other process on any machine that has this file runs: each of them has the lock file beside it in turn. A change by an editor is not kept out.
 * @param run is given whether this process has the lock still: it may have been stopped for so long that another one took it away.
 * @throws {InvalidInput} if the lock does not become free. The reason of the signal if it is aborted. */
export async function withFileLock<T>(
  file: string,
  run: (isHeld: () => boolean) => T | Promise<T>,
  { signal, abandonedMs = ABANDONED_MS, limitMs = LIMIT_MS }: LockWaits = {},
): Promise<T> {
  const lock = `${file}.lock`;
  const own = `${hostname()}, process ${process.pid}, ${randomUUID()}`;
  const isHeld = () => textOf(lock) === own;
  // By the steady clock of this process: those of two machines differ.
  const began = performance.now();
  for (let seen = { state: stateOf(lock), since: began }; ; ) {
    signal?.throwIfAborted();
    if (take(lock, own)) break;
    const [now, state] = [performance.now(), stateOf(lock)];
    if (state !== seen.state) seen = { state, since: now };
    else if (state !== null && now - seen.since >= abandonedMs) removeAbandoned(lock, state);
    if (now - began >= limitMs) throw new InvalidInput(stuck(lock, limitMs));
    await delay(PAUSE_MS, undefined, signal && { signal }).catch(() => undefined);
  }
  try {
    return await run(isHeld);
  } finally {
    if (isHeld()) rmSync(lock, { force: true });
  }
}

function stuck(lock: string, limitMs: number): string {
  const holder = textOf(lock);
  const of = holder ? ` of ${shown(holder)}` : '';
  return `${lock}${of} was not free within ${limitMs / 1_000} s: nothing is changed (remove it if no such process runs)`;
}

/** Takes the lock, if no other process has it. Each user may read it: its text names the process. */
function take(lock: string, own: string): boolean {
  try {
    writeFileSync(lock, own, { mode: 0o644, flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes the lock of a process that is gone. If another process took it away first and has the lock now, it keeps it. What no such process made, as a folder, stays. */
function removeAbandoned(lock: string, state: string): void {
  const removed = `${lock}.${randomUUID()}`;
  try {
    if (!lstatSync(lock).isFile()) return;
    renameSync(lock, removed);
  } catch {
    // It is gone, or may not be removed: then the wait ends at its limit.
    return;
  }
  try {
    // A link is there at once, and whole.
    if (stateOf(removed) !== state) linkSync(removed, lock);
  } catch {
    // A third process has the lock: each of them looks for its lock before it replaces the file.
  } finally {
    rmSync(removed, { force: true });
  }
}

/** What tells one lock from the next, also where its text cannot be read; null without one. */
function stateOf(lock: string): string | null {
  try {
    const { ino, mtimeNs } = lstatSync(lock, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return null;
  }
}

function textOf(lock: string): string | null {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return null;
  }
}

const codeOf = (error: unknown) => (error as { code?: string }).code;
