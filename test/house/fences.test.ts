import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

const FORBIDDEN = [
  ['workflows', 'node:fs'],
  ['workflows', 'undici'],
  ['workflows', '../src/http.js'],
  ['workflows', '../src/registry/request.js'],
  ['workflows', '@temporalio/client'],
  ['activities', '../workflows/messages.js'],
  ['src/registry', '@temporalio/workflow'],
  ['src/smoke', '../../activities/index.js'],
  ['src/report', '@temporalio/client'],
] as const;
const ALLOWED = [
  ['workflows', '@temporalio/workflow'],
  ['workflows', '../src/domain/sha.js'],
  ['activities', '../src/registry/request.js'],
  ['src/cli', '@temporalio/client'],
] as const;

/** Lints one file for each import, all in one run, and gives those that were refused. */
function refused(imports: readonly (readonly [folder: string, module: string])[]) {
  const scratch = mkdtempSync(join(tmpdir(), 'canary-fences-'));
  try {
    copyFileSync(join(repositoryRoot, 'biome.json'), join(scratch, 'biome.json'));
    imports.forEach(([folder, module], index) => {
      mkdirSync(join(scratch, folder), { recursive: true });
      writeFileSync(join(scratch, folder, `x${index}.ts`), `import { x } from '${module}';\n\nx();\n`);
    });
    const biome = join(repositoryRoot, 'node_modules', '.bin', 'biome');
    const args = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=github', '.'];
    const { stdout } = spawnSync(biome, args, { cwd: scratch, encoding: 'utf8' });
    const said = stdout.split('\n').filter((line) => line.includes('noRestrictedImports'));
    return imports.filter(([folder], index) => said.some((line) => line.includes(`${folder}/x${index}.ts`)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

test('imports point one way, and lint keeps it', () => {
  expect(refused([...FORBIDDEN, ...ALLOWED])).toEqual(FORBIDDEN);
});

describe('files have one purpose', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs'], { cwd: repositoryRoot, encoding: 'utf8' })
    .trim()
    .split('\n');
  const code = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8').replaceAll(/^ \*.*$/gm, '');
  const tooLong = (limit: (file: string) => number) =>
    files.filter((file) => code(file).split('\n').length - 1 > limit(file));

  test('and stay under 250 lines, tests under 400, workflows under 150', () => {
    expect(tooLong((file) => (file.startsWith('test/') ? 400 : file.startsWith('workflows/') ? 150 : 250))).toEqual([]);
  });

  test('process.env is read in the entry points alone', () => {
    const readers = files.filter(
      (file) => /^(src|workflows|activities|workers)\//.test(file) && code(file).includes('process.env'),
    );
    expect(readers).toEqual(['src/cli/bin.ts']);
  });

  test('and AbortSignal.any, which loses its time-outs on Node 20, is used nowhere', () => {
    const uses = /AbortSignal\.any\(/;
    const users = files.filter((file) => !file.startsWith('test/') && uses.test(code(file)));
    expect(users).toEqual([]);
  });
});
