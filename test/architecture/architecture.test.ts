import { describe, expect, test } from 'vitest';
import { areaOf, circles, files, type Import, importsOf, sourceOf } from './imports.js';

/**
 * What each area may import: other areas of the product and packages; `node:` stands for all of Node, a trailing `(type)` allows types alone.
 * Arrows point one way: contract ← domain ← lane ← workflows; activities → src; workers → all; the command line → src, and workers lazily.
 */
const ALLOWED: Record<string, string[]> = {
  'src/contract': ['@temporalio/common'],
  'src/domain': ['src/contract'],
  'src/lane': ['src/contract', 'src/domain'],
  'src/tracing': ['src/domain', 'node:'],
  'src/net': ['src/contract', 'src/tracing', 'node:', 'undici'],
  'src/otlp': ['src/contract', 'src/net', 'src/tracing'],
  'src/oidc': ['src/contract', 'src/net', 'node:', 'zod', 'jose'],
  'src/registry': ['src/contract', 'src/net', 'node:', 'zod', 'undici'],
  'src/ledger': ['src/contract', 'src/domain', 'src/lane', 'src/registry', 'src/temporal (type)', 'node:'],
  'src/move': ['src/contract', 'src/registry', 'node:'],
  'src/processes': ['node:'],
  'src/smoke': [
    'src/contract',
    'src/domain',
    'src/net',
    'src/processes',
    'src/tracing',
    'node:',
    'zod',
    'jiti',
    'undici',
  ],
  'src/tenants': ['src/contract', 'src/domain', 'src/net', 'src/processes', 'src/smoke', 'node:', 'zod'],
  'src/config': ['src/contract', 'src/domain', 'src/net', 'src/oidc', 'src/smoke', 'src/tenants', 'node:', 'zod'],
  'src/report': ['src/contract', 'src/domain', 'src/lane'],
  'src/metrics': ['src/contract'],
  'src/notify': ['src/config (type)', 'src/contract', 'src/domain', 'src/net', 'src/report', 'node:', 'zod'],
  'src/temporal': [
    'src/contract',
    'src/domain',
    'src/lane',
    'src/net',
    'src/report',
    'src/tracing',
    'node:',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/envconfig',
    '@temporalio/proto',
  ],
  'src/doctor': [
    'src/move',
    '@temporalio/common',
    'src/config',
    'src/contract',
    'src/domain',
    'src/lane',
    'src/ledger',
    'src/net',
    'src/registry',
    'src/smoke',
    'src/temporal',
    'src/tenants',
    'node:',
    '@temporalio/client',
    '@temporalio/proto',
  ],
  'src/cli': ['src/*', 'workers', 'node:', '@temporalio/client', '@temporalio/common', 'commander'],
  workflows: [
    'src/contract',
    'src/domain',
    'src/lane',
    'activities (type)',
    '@temporalio/workflow',
    '@temporalio/common',
  ],
  activities: ['src/*', 'node:', '@temporalio/activity', '@temporalio/client', '@temporalio/common'],
  workers: ['src/*', 'activities', 'node:', '@temporalio/worker', '@temporalio/client', '@temporalio/common', 'undici'],
};

const areas = Object.keys(ALLOWED);
const product = files.filter((file) => file.endsWith('.ts') && areas.includes(areaOf(file)));
const imports = product.flatMap((file) => importsOf(file));

/** `@temporalio/common/lib/time.js` belongs to `@temporalio/common`. */
const packageOf = (module: string) => module.split('/', module.startsWith('@') ? 2 : 1).join('/');

function mayImport({ from, to, isType }: Import): boolean {
  const area = areaOf(from);
  const target = to.startsWith('node:') ? 'node:' : files.includes(to) ? areaOf(to) : packageOf(to);
  if (target === area) return true;
  return (ALLOWED[area] ?? []).some((allowed) => {
    if (allowed === `${target} (type)`) return isType;
    return allowed === target || (allowed === 'src/*' && target.startsWith('src/') && target !== 'src/cli');
  });
}

describe('imports', () => {
  test('point one way, by the table above', () => {
    expect(imports.filter((one) => !mayImport(one)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('form no circle, type imports included', () => {
    expect(circles(files.flatMap((file) => importsOf(file)))).toEqual([]);
  });

  test('of the checker of chaos are its own: what judges the gate shares no code with it', () => {
    const checker = files.filter((file) => file.startsWith('chaos/checker/'));
    const foreign = checker.flatMap((file) => importsOf(file)).filter(({ to }) => !to.startsWith('chaos/checker/'));
    expect(checker.length).toBeGreaterThan(3);
    expect(foreign).toEqual([]);
  });

  test('of workers by the command line are lazy', () => {
    const eager = imports.filter(
      ({ from, to, isType }) => areaOf(from) === 'src/cli' && areaOf(to) === 'workers' && !isType,
    );
    const isLazy = ({ from, to }: Import) =>
      !new RegExp(`^import .*${to.split('/').at(-1)?.replace('.ts', '')}\\.js'`, 'm').test(sourceOf(from));
    expect(eager.filter((one) => !isLazy(one)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test.each([
    ['src/contract/x.ts', '../domain/fit.js'],
    ['src/domain/x.ts', '../registry/put-tag.js'],
    ['src/domain/x.ts', 'node:fs'],
    ['src/lane/x.ts', '@temporalio/workflow'],
    ['src/registry/x.ts', '../../demo/main.js'],
    ['src/move/x.ts', '@temporalio/client'],
    ['src/temporal/x.ts', '../cli/main.js'],
    ['src/report/x.ts', '../temporal/runs.js'],
    ['workflows/x.ts', '../activities/index.js'],
    ['workflows/x.ts', '../src/registry/put-tag.js'],
    ['activities/x.ts', '../workflows/index.js'],
  ])('of %s from %s are refused', (file, module) => {
    expect(importsOf(file, `import { x } from '${module}';\n`).map(mayImport)).toEqual([false]);
  });

  test('of every form are seen', () => {
    const source = [
      "import a from 'one';",
      "import type { B } from 'two';",
      "import {\n  c,\n  type D,\n} from 'three';",
      "export { e } from 'four';",
      "export * from 'five';",
      "import 'six';",
      "const g = () => import('seven');",
      "type H = import('eight').H;",
    ].join('\n');
    expect(importsOf('src/cli/x.ts', source).map(({ to }) => to)).toEqual([
      'one',
      'two',
      'three',
      'four',
      'five',
      'six',
      'seven',
      'eight',
    ]);
  });

  test('that form a circle are found', () => {
    const edge = (from: string, to: string) => ({ from, to, isType: true });
    expect(circles([edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('c', 'd')])).toEqual([['a', 'b', 'c']]);
  });
});

describe('files', () => {
  const code = (file: string) => sourceOf(file).replaceAll(/^ \*.*$/gm, '');
  const limitOf = (file: string) => (file.startsWith('test/') ? 400 : file.startsWith('workflows/') ? 150 : 250);

  test('stay under 250 lines, tests under 400, workflows under 150', () => {
    expect(files.filter((file) => code(file).split('\n').length - 1 > limitOf(file))).toEqual([]);
  });

  test('lie at most 14 to a folder', () => {
    const folders = new Map<string, number>();
    for (const file of product) {
      const folder = file.slice(0, file.lastIndexOf('/'));
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
    expect([...folders].filter(([, count]) => count > 14)).toEqual([]);
  });

  test('read process.env in the entry points alone', () => {
    expect(product.filter((file) => code(file).includes('process.env'))).toEqual(['src/cli/bin.ts']);
  });

  test('set handlers of workflows at one place, where no message breaks a run', () => {
    const setters = product.filter((file) => /\bsetHandler\(|setDefault\w+Handler\(/.test(code(file)));
    expect(setters).toEqual(['workflows/shared/handlers.ts']);
  });

  test('use no AbortSignal.any, which loses its time-outs on Node 20', () => {
    expect(files.filter((file) => !file.startsWith('test/') && /AbortSignal\.any\(/.test(code(file)))).toEqual([]);
  });
});
