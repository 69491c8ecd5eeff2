import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';

/** Static import that exists at run time; a type import does not. */
const IMPORT = /^(?:import|export)\s(?!type\s)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;

/** Files and packages that a file loads when it is imported. */
function loadedBy(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, module = ''] of readFileSync(join(repositoryRoot, file), 'utf8').matchAll(IMPORT))
    if (module.startsWith('.')) loadedBy(join(file, '..', module.replace(/\.js$/, '.ts')), found);
    else found.add(module);
  return found;
}

const REGISTRY = /^(src\/(registry|move)\/|workers\/|activities\/|undici$|@temporalio\/worker$)/;

describe('canary --help', () => {
  test('loads no command, and no client', () => {
    const loaded = [...loadedBy('src/cli/main.ts')];
    expect(loaded.filter((one) => /^src\/cli\/commands\//.test(one))).toEqual(['src/cli/commands/index.ts']);
    expect(loaded.filter((one) => one.startsWith('@temporalio/') || REGISTRY.test(one))).toEqual([]);
  });
});

describe('a command', () => {
  test.each(['release', 'promote', 'rollback', 'decide', 'lane', 'status', 'queue', 'history', 'report', 'worker'])(
    'of commands/%s.ts loads neither the registry client nor the worker',
    (name) => {
      const loaded = [...loadedBy(`src/cli/commands/${name}.ts`)];
      expect(loaded.filter((one) => REGISTRY.test(one))).toEqual([]);
    },
  );
});
