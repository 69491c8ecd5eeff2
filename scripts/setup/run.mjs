import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';

/** Kills every running command; for signal handlers and `exit` hooks, so it must not wait. */
export function endRunning() {
  for (const child of running) killGroup(child);
}

const running = new Set();

/**
 * Runs a command with its output in a log file. Rejects with a one-line reason and, as `tail`, the end of the output.
 * `progress` is a number that changes while the command makes progress (bytes on disk); with it `limitMs` limits the
 * time without progress, otherwise the whole time.
 * @param {string} command
 * @param {string[]} args
 * @param {{ log: string, limitMs: number, cwd?: string, env?: NodeJS.ProcessEnv, progress?: () => number }} options
 */
export async function run(command, args, { log, limitMs, cwd, env, progress }) {
  const output = openSync(log, 'a+');
  const start = fstatSync(output).size;
  // A separate process group: npm and go have children, which must end with them.
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', output, output] });
  running.add(child);
  let timeout = '';
  const watch = watchdog(limitMs, progress, () => {
    timeout = progress ? `no progress for ${limitMs / 1000} s` : `not done after ${limitMs / 1000} s`;
    killGroup(child);
  });
  try {
    const problem = await new Promise((resolve) => {
      child.once('error', (error) => resolve(error.code === 'ENOENT' ? `${command} is not on PATH` : error.message));
      child.once('exit', (code, signal) =>
        resolve(code === 0 ? '' : `${basename(command)} ended with ${signal ?? code}`),
      );
    });
    if (problem === '') return;
    const tail = readFrom(output, start)
      .split('\n')
      .filter((line) => line.trim() !== '');
    throw Object.assign(new Error(timeout || reason(problem, tail)), { tail: tail.slice(-15) });
  } finally {
    clearInterval(watch);
    running.delete(child);
    closeSync(output);
  }
}

function killGroup(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group ended between the check and the kill.
  }
}

function watchdog(limitMs, progress, onTimeout) {
  let seen = progress?.();
  let since = Date.now();
  return setInterval(() => {
    const now = progress?.();
    if (now !== seen) {
      seen = now;
      since = Date.now();
    } else if (Date.now() - since > limitMs) onTimeout();
  }, 250);
}

function readFrom(file, start) {
  const length = Math.max(0, fstatSync(file).size - start);
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, start);
  return bytes.toString();
}

/** Most useful line of the output: the last one that mentions an error, else the last one. */
function reason(problem, tail) {
  const line = tail.findLast((text) => /error|fail|denied|cannot|could not/i.test(text)) ?? tail.at(-1);
  return line === undefined ? problem : `${problem}: ${shorten(line.trim())}`;
}

/** Keeps the start and the end of a line: the cause of a chain of errors is at its end. */
function shorten(line) {
  return line.length <= 200 ? line : `${line.slice(0, 80)} … ${line.slice(-115)}`;
}
