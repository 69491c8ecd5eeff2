import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Lets one set-up work in `directory` at a time; the next waits, unless the holder was killed.
 * @param {string} directory
 * @param {(line: string) => void} say
 * @returns {Promise<() => void>} the release, which may be called twice
 */
export async function lock(directory, say) {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, '.lock');
  const mine = join(directory, `.lock-${process.pid}`);
  // Written aside and linked, so that a lock is never read without its pid.
  writeFileSync(mine, String(process.pid));
  try {
    for (let isAnnounced = false; !tryLink(mine, path); await sleep(200)) {
      const holder = pidIn(path);
      if (holder !== undefined && !isAlive(holder)) steal(path, holder);
      else if (!isAnnounced && holder !== undefined) {
        say(`waiting for another set-up (pid ${holder}) to end`);
        isAnnounced = true;
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    if (pidIn(path) === process.pid) rmSync(path, { force: true });
  };
}

function tryLink(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a dead holder. Of several set-ups one gets the file; it puts it back if a new holder was faster. */
function steal(path, holder) {
  const aside = `${path}-of-${holder}-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (pidIn(aside) !== holder) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function pidIn(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
