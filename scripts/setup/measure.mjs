import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages that only `npm run mutation` and `npm run coverage` need: 66 MB, which no other command should wait for. */
const PACKAGES = {
  '@stryker-mutator/core': '9.6.1',
  '@stryker-mutator/vitest-runner': '9.6.1',
  '@vitest/coverage-v8': '4.1.12',
};

/**
 * Puts the packages into .tools/measure, once. Their vitest is that of the project: npm installs no peers there.
 * @param {string} root
 * @returns {string} their node_modules
 */
export function provideMeasure(root) {
  const folder = join(root, '.tools', 'measure');
  const file = join(folder, 'package.json');
  const wanted = JSON.stringify({ private: true, dependencies: PACKAGES });
  const modules = join(folder, 'node_modules');
  if (existsSync(modules) && existsSync(file) && readFileSync(file, 'utf8') === wanted) return modules;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, wanted);
  const args = ['install', '--legacy-peer-deps', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
  return modules;
}
