import { realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, build as compile } from './setup/build.mjs';
import { lock } from './setup/lock.mjs';
import { providePackages } from './setup/packages.mjs';
import { endRunning } from './setup/run.mjs';
import { provideTools, removeScratch, TOOL_NAMES } from './setup/tools.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Prepares a fresh clone: the packages of package-lock.json, the named tools in .tools, dist/ compiled. Prints each step
 * on stderr, and nothing if everything is in place. Throws with a one-line message if a required tool is missing.
 * @param {{ tools: string[], build: boolean, bundled?: boolean }} wanted `bundled`: bundle the workflows for workers too
 */
export async function setUp({ tools, build, bundled = false }) {
  const toolsDir = resolve(ROOT, '.tools');
  const log = join(toolsDir, 'setup.log');
  const project = { root: ROOT, toolsDir, log, say, env: process.env, cwd: process.cwd() };
  const release = await lock(toolsDir, say);
  const stopWatching = releaseOnSignal(release);
  try {
    writeFileSync(log, '');
    removeScratch(project);
    await providePackages(project);
    for (const tool of await provideTools(tools, project)) {
      if (tool.name === 'temporal') throw new Error(`${tool.missing}\nThe attempts are in ${log}`);
      say(`${tool.name}  ${tool.missing}`);
    }
    if (build) await compile(project);
    if (bundled) await bundle(project);
  } catch (error) {
    for (const line of error.tail ?? []) say(`  | ${line}`);
    throw error;
  } finally {
    stopWatching();
    release();
  }
}

/** On a signal kills the running commands, releases the lock, and lets the signal end this process. */
function releaseOnSignal(release) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const stop = (signal) => {
    endRunning();
    release();
    stopWatching();
    process.kill(process.pid, signal);
  };
  const stopWatching = () => {
    for (const signal of signals) process.off(signal, stop);
  };
  for (const signal of signals) process.on(signal, stop);
  return stopWatching;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

// `node scripts/setup.mjs [tool…]` only sets up; all tools unless some are named.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const tools = process.argv.slice(2);
  const began = Date.now();
  try {
    await setUp({ tools: tools.length > 0 ? tools : TOOL_NAMES, build: true, bundled: true });
    say(`set up in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
