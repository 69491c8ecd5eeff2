import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Installs the packages of package-lock.json, if node_modules differs. */
export async function providePackages({ root, env, log, say }) {
  const wrong = mismatches(root);
  if (wrong.length === 0) return;
  // npm would empty the folder that it points to, which is another person's.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink())
    throw new Error(`node_modules is a link, and differs from package-lock.json (${wrong[0]}): replace it with a copy`);
  const more = wrong.length > 1 ? ` and ${wrong.length - 1} more` : '';
  say(`node_modules  differs from package-lock.json (${wrong[0]}${more}): npm ci, about 20 s`);
  // `--include=dev`: the compiler is needed even if NODE_ENV is production in the caller's shell. No package needs its
  // install script, and one could read what is in the environment.
  await run('npm', ['ci', '--include=dev', '--ignore-scripts'], { cwd: root, env, log, limitMs: 600_000 });
  say('node_modules  done');
}

/** Packages that are missing or have another version, by npm's record of the installation. */
function mismatches(root) {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const present = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && isWantedHere(entry) && present[path]?.version !== entry.version)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
}

/**
 * Optional packages are builds for one platform each. Those of this platform are needed: a node_modules from another
 * machine has the wrong compiler. If the entry names a C library too, only npm can decide.
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
