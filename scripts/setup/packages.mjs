import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Makes sure that node_modules is what package-lock.json says. */
export async function providePackages({ root, env, log, say }) {
  const wrong = mismatches(root);
  if (wrong.length === 0) return;
  const more = wrong.length > 1 ? ` and ${wrong.length - 1} more` : '';
  say(`node_modules  is not what package-lock.json says (${wrong[0]}${more}): npm ci, about 20 s`);
  // `--include=dev`: NODE_ENV=production in somebody's shell must not cost the compiler.
  await run('npm', ['ci', '--include=dev'], { cwd: root, env, log, limitMs: 600_000 });
  say('node_modules  done');
}

/** What is missing or of another version, by npm's own record of what it put there. */
function mismatches(root) {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const present = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && isWantedHere(entry) && present[path]?.version !== entry.version)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
}

/**
 * Optional packages are builds for one platform each. Those of this one are needed: a node_modules that came from
 * another machine has the wrong compiler. Where a C library is named as well, npm alone knows.
 */
function isWantedHere({ optional, os, cpu, libc }) {
  if (!optional) return true;
  return Boolean(os?.includes(process.platform) && cpu?.includes(process.arch) && !libc);
}

function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw new Error(`${path}: ${error.message}`);
  }
}
