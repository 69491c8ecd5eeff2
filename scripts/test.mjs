// `npm test`: set-up, then type check, lint and unused code in parallel, then the tests, which get the arguments. CI runs this.
// `npm test -- <part of a path>` runs all of those files.
// `npm run test:quick` (`--quick`): the same beside the tests that need no server. `npm run test:full` (`--full`): with all that
// `npm test` leaves out because it takes seconds to show a rule once more (`test/support/rows.ts`).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOOL_NAMES } from './setup/tools.mjs';
import { setUp } from './setup.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Exit code of a shell after Ctrl-C. */
const STOPPED = 130;

const bin = (name) => new URL(`../node_modules/${name}`, import.meta.url).pathname;

const quick = process.argv[2] === '--quick';
const full = process.argv[2] === '--full';
const testArguments = process.argv.slice(quick || full ? 3 : 2);
// A named file runs whole: its author must not read "skipped" as "passed".
if (full || testArguments.some(isPath)) process.env.CANARY_ALL_ROWS = '1';

/** Whether an argument is a part of the path of a test file, and no option, name of a tier or word of a test's name. */
function isPath(argument) {
  if (argument.startsWith('-') || !/\/|\.test\.ts/.test(argument)) return false;
  const root = join(import.meta.dirname, '..');
  // vitest takes `<file>:<line>` too.
  const part = relative(root, resolve(root, argument.replace(/:\d+$/, '')));
  const files = readdirSync(join(root, 'test'), { recursive: true });
  return files.some((file) => file.endsWith('.test.ts') && join('test', file).includes(part));
}

async function setUpAll() {
  try {
    await setUp({ tools: quick ? [] : TOOL_NAMES, build: !quick, bundled: !quick });
    return 0;
  } catch (error) {
    console.error(error.message);
    return 1;
  }
}

/** Runs a program of node_modules; returns its exit code. Signals are forwarded, and what it leaves behind is killed. */
async function run(script, args) {
  // A separate process group, so that vitest's forks can be killed together; without stdin, because a background group
  // must not read the terminal.
  const options = { cwd: new URL('..', import.meta.url), stdio: ['ignore', 'inherit', 'inherit'], detached: true };
  const child = spawn(process.execPath, [script, ...args], options);
  let stopped = false;
  const forward = (signal) => {
    stopped = true;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  const [code] = await once(child, 'exit');
  // A fork notices that vitest has ended and stops what it started; one that has not done so by then hangs.
  if (stopped) await sleep(1000);
  if (stopped) endGroup(child.pid);
  for (const signal of SIGNALS) process.off(signal, forward);
  return stopped ? STOPPED : (code ?? 1);
}

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

async function stage(name, work) {
  const began = performance.now();
  const code = await work();
  console.error(`${name}  ${code === 0 ? 'ok' : 'FAILED'}  ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return code;
}

// What has not changed since the last run is not checked again.
const incremental = ['--incremental', '--tsBuildInfoFile', '.tools/types.tsbuildinfo'];
const typeCheck = () => run(bin('typescript/bin/tsc'), ['-p', 'tsconfig.json', '--noEmit', ...incremental]);
// Biome colors the output in log files too, letter by letter.
const colors = process.stdout.isTTY ? [] : ['--colors=off'];
const lint = () => run(bin('@biomejs/biome/bin/biome'), ['ci', ...colors, '.']);
const tiers = quick ? ['--project', 'quick', '--project', 'alone'] : [];
const cached = ['--cache', '--cache-location', '.tools/knip'];
const unused = () => run(bin('knip/bin/knip.js'), ['--no-progress', '--no-config-hints', ...cached]);
const tests = () => run(bin('vitest/vitest.mjs'), ['run', ...tiers, ...testArguments]);

const checks = [
  ['types', typeCheck],
  ['lint', lint],
  ['unused', unused],
];
const failed = async (stages) => (await Promise.all(stages.map((one) => stage(...one)))).find((code) => code !== 0);

/** Checks one after the other, so that the tests beside them keep a core. */
async function oneByOne(stages) {
  const codes = [];
  for (const one of stages) codes.push(await stage(...one));
  return codes.find((code) => code !== 0) ?? 0;
}

/** The tests that need no server wait for half of their time: the checks run meanwhile. */
async function sideBySide() {
  const codes = await Promise.all([stage('tests', tests), stage('checks', () => oneByOne(checks))]);
  return codes.find((code) => code !== 0) ?? 0;
}

const setUpFailed = await stage('set-up', setUpAll);
const checkAndTest = async () => (await failed(checks)) || (await stage('tests', tests));
process.exitCode = setUpFailed || (await (quick ? sideBySide() : checkAndTest()));
