import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Biome's rule for it, which needs no type. */
const RULE = { linter: { rules: { preset: 'none', correctness: { noUndeclaredVariables: 'error' } } } };

/**
 * Names that a broken file does not declare, and what does not parse: such a mutant dies of its own error, whatever its test looks for.
 * @param {string} root
 * @param {{ name: string, files: { file: string, after: string }[] }[]} broken
 * @returns {string[]} a line for each problem
 */
export function undeclaredIn(root, broken) {
  const folder = mkdtempSync(join(tmpdir(), 'canary-mutants-'));
  try {
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ root: true, ...RULE }));
    broken.forEach(({ files }, index) => {
      mkdirSync(join(folder, `mutant-${index}`));
      for (const [number, { file, after }] of files.entries())
        if (/\.[cm]?[jt]s$/.test(file))
          writeFileSync(join(folder, `mutant-${index}`, `${number}-${basename(file)}`), after);
    });
    const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const args = ['lint', '--reporter=json', '--max-diagnostics=none', `--config-path=${folder}`, folder];
    const { stdout } = spawnSync(process.execPath, [biome, ...args], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    return JSON.parse(stdout).diagnostics.flatMap(({ severity, message, location }) => {
      const index = /mutant-(\d+)/.exec(location.path)?.[1];
      return severity === 'error' || severity === 'fatal'
        ? `${broken[Number(index)]?.name ?? location.path}: ${message}`
        : [];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
