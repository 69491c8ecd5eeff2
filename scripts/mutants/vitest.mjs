import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Limit of a run that never ends, in ms; a test that hangs ends by its own time-out. */
const TIMEOUT_MS = 300_000;
/** Time for vitest to stop its servers after SIGTERM, in ms. */
const STOP_MS = 10_000;

const REPORTER = join(import.meta.dirname, 'reporter.mjs');

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** Stops every run, and waits until all have ended. */
export async function stopRunning() {
  await Promise.all([...running].map(stop));
}

/** @typedef {{ outcome: 'killed' | 'SURVIVED' | 'unsure', why: string }} Verdict */

/**
 * Runs the test of a mutant: `killed` if it failed as required, else what happened instead. A test that ended by its time-out alone may
 * have lacked CPU: `unsure`, unless its row says that it hangs. The run is stopped when that test
 * has ended: what is still waiting after a failure, such as the end of a broken release, tells nothing more.
 * @param {string} folder
 * @param {import('./table.mjs').Mutant} mutant
 * @returns {Promise<Verdict>}
 */
export async function runTest(folder, { testFile, testName, hangs }) {
  const pattern = testName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const args = ['run', testFile, '-t', pattern, `--reporter=${REPORTER}`];
  const { problem, message } = await runNode(folder, 'vitest/vitest.mjs', args, {
    MUTANT_TEST: testName,
    CANARY_ALL_ROWS: '1',
  });
  const unsure = (why) => ({ outcome: 'unsure', why });
  if (problem) return unsure(problem);
  if (!message) return unsure('the run reported nothing: the test bed did not start');
  if (!message.test) return unsure(`no test "${testName}" in ${testFile}`);
  const { test, kind } = message;
  if (test !== 'failed') return { outcome: 'SURVIVED', why: `its test ${test}` };
  if (kind === 'broken') return unsure('the broken code does not run');
  if (kind === 'timed-out' && !hangs)
    return unsure('its test timed out, which lack of CPU does too (or the row: hangs)');
  return { outcome: 'killed', why: kind ?? '' };
}

/** Compiles into dist/. A broken file may have type errors; tsc writes its output anyway. */
export async function compile(folder) {
  await runNode(folder, 'typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
}

/** Runs a program of node_modules to its end, with any exit code, or to its first message. `problem`: why it was stopped. */
async function runNode(folder, script, args, env = {}) {
  const path = join(folder, 'node_modules', script);
  const child = spawn(process.execPath, [path, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // A separate process group, so that vitest's forks end with it.
    detached: true,
  });
  running.add(child);
  const ended = new Promise((resolve) => {
    child.once('message', (message) => resolve({ message }));
    child.once('exit', () => resolve({}));
    child.once('error', (error) => resolve({ problem: error.message }));
  });
  const abort = new AbortController();
  const tooLong = { problem: `not done after ${TIMEOUT_MS / 1000} s` };
  const timeout = sleep(TIMEOUT_MS, tooLong, { signal: abort.signal }).catch(() => tooLong);
  const result = await Promise.race([ended, timeout]);
  abort.abort();
  await stop(child);
  running.delete(child);
  return result;
}

/** Sends SIGTERM to the process group: vitest and its forks stop the servers that they started. SIGKILL ends what is left. */
async function stop(child) {
  if (child.pid === undefined) return;
  signalGroup(child, 'SIGTERM');
  const deadline = Date.now() + STOP_MS;
  while ((isRunning(child) || signalGroup(child, 0)) && Date.now() < deadline) await sleep(50);
  signalGroup(child, 'SIGKILL');
}

const isRunning = ({ exitCode, signalCode }) => exitCode === null && signalCode === null;

/** Signals the process group; false if it has ended. */
function signalGroup({ pid }, signal) {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
