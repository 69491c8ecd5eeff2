import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Limit of a run that never ends, in ms; a test that hangs ends by its own time-out. */
const TIMEOUT_MS = 300_000;
/** Time for vitest to stop its servers after SIGTERM, in ms. */
const STOP_MS = 10_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** Stops every run, and waits until all have ended. */
export async function stopRunning() {
  await Promise.all([...running].map(stop));
}

/**
 * Runs the test of a mutant: null if it failed as required, else what happened instead.
 * @param {string} folder
 * @param {{ testFile: string, testName: string }} mutant
 * @returns {Promise<string | null>}
 */
export async function runTest(folder, { testFile, testName }) {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const pattern = testName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const args = ['run', testFile, '-t', pattern, '--reporter=json', `--outputFile=${report}`];
  const problem = await runNode(folder, 'vitest/vitest.mjs', args);
  if (problem) return problem;
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((suite) => suite.assertionResults);
  } catch {
    return 'the run wrote no report: the test bed did not start';
  }
  const found = results.find((result) => result.fullName.endsWith(testName));
  if (!found) return `no test "${testName}" in ${testFile}`;
  return found.status === 'failed' ? null : `its test ${found.status}`;
}

/** Compiles into dist/. A broken file may have type errors; tsc writes its output anyway. */
export async function compile(folder) {
  await runNode(folder, 'typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
}

/** Runs a program of node_modules to its end, with any exit code. Null, or why it was stopped. */
async function runNode(folder, script, args) {
  const path = join(folder, 'node_modules', script);
  // A separate process group, so that vitest's forks end with it.
  const child = spawn(process.execPath, [path, ...args], { cwd: folder, stdio: 'ignore', detached: true });
  running.add(child);
  const ended = new Promise((resolve) => {
    child.once('exit', () => resolve(null));
    child.once('error', (error) => resolve(error.message));
  });
  const abort = new AbortController();
  const timeout = sleep(TIMEOUT_MS, `not done after ${TIMEOUT_MS / 1000} s`, { signal: abort.signal }).catch(
    () => null,
  );
  const problem = await Promise.race([ended, timeout]);
  if (child.exitCode === null && child.signalCode === null) await stop(child);
  abort.abort();
  running.delete(child);
  return problem;
}

/** Sends SIGTERM, which vitest and the servers of the test bed handle, then SIGKILL to the whole group. */
async function stop(child) {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const deadline = Date.now() + STOP_MS;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) await sleep(100);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
}
