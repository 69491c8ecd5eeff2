import { readdirSync, readFileSync } from 'node:fs';
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

/** Files of the commands, as the table names them. */
const COMMAND_FILES = [
  ...new Set(
    [
      ...readFileSync(join(repositoryRoot, 'src/cli/commands/index.ts'), 'utf8').matchAll(/import\('([^']+)\.js'\)/g),
    ].map(([, module = '']) => join('src/cli/commands', `${module}.ts`)),
  ),
];
/** Commands whose work is to read the registry or the tenants. */
const EXEMPT = ['smoke', 'fleet/drift', 'operate/setup', 'operate/doctor'].map((name) => `src/cli/commands/${name}.ts`);

describe('a command', () => {
  test('is loaded from a file of the table', () => {
    expect(COMMAND_FILES.length).toBeGreaterThan(10);
  });

  test.each(COMMAND_FILES.filter((file) => !EXEMPT.includes(file)))(
    'of %s loads neither the registry client nor the worker',
    (file) => {
      const loaded = [...loadedBy(file)];
      expect(loaded.filter((one) => REGISTRY.test(one))).toEqual([]);
    },
  );

  test('that must work while Temporal is down does not load its client', () => {
    for (const file of [
      'src/cli/commands/rollback.ts',
      'src/cli/local/direct-rollback.ts',
      'src/cli/commands/smoke.ts',
      'src/cli/commands/fleet/drift.ts',
    ])
      expect([...loadedBy(file)].filter((one) => one.startsWith('@temporalio/'))).toEqual([]);
  });
});

test('zod is imported as a namespace, so that the bundle of a package leaves most of it out (docs/decisions/0030-cold-start.md)', () => {
  const files = readdirSync(join(repositoryRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const whole = files.filter(
    (file) =>
      file.endsWith('.ts') && /^import \{.*from 'zod'/m.test(readFileSync(join(repositoryRoot, 'src', file), 'utf8')),
  );
  expect(whole).toEqual([]);
});
