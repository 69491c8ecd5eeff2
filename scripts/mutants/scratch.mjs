import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { breakFiles } from './table.mjs';
import { compile, runTest } from './vitest.mjs';

/** Tests that run compiled code. */
const RUNS_DIST = /^test\/(?:e2e|package)\//;

/**
 * Makes a copy of the working tree in which mutants are tried one after the other; node_modules and .tools are shared.
 * @param {string} root
 */
export function makeScratch(root) {
  const folder = mkdtempSync(join(tmpdir(), 'canary-mutant-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    copyTree(root, folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { remove, tryMutant: (mutant) => tryMutant(folder, mutant) };
}

/**
 * Breaks the code, runs the test, and restores the files.
 * @param {string} folder
 * @param {import('./table.mjs').Mutant} mutant
 * @returns {Promise<import('./vitest.mjs').Verdict>}
 */
async function tryMutant(folder, mutant) {
  let files;
  try {
    files = breakFiles(folder, mutant);
  } catch (error) {
    return { outcome: 'unsure', why: error.message };
  }
  try {
    for (const { file, after } of files) writeFileSync(join(folder, file), after);
    if (RUNS_DIST.test(mutant.testFile)) await compile(folder);
    return await runTest(folder, mutant);
  } finally {
    for (const { file, before } of files) writeFileSync(join(folder, file), before);
  }
}

function copyTree(root, folder) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  execFileSync('tar', ['-cf', join(folder, 'copy.tar'), '--null', '-T', '-'], { cwd: root, input: files.join('\0') });
  execFileSync('tar', ['-xf', 'copy.tar'], { cwd: folder });
  rmSync(join(folder, 'copy.tar'));
  for (const shared of ['node_modules', '.tools']) symlinkSync(join(root, shared), join(folder, shared));
}
