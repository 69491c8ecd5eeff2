import { join } from 'node:path';

const tools = join(import.meta.dirname, '..', '..', '.tools');

/** Settings of `npm run mutation`; the files come from its arguments. */
export default {
  testRunner: 'vitest',
  plugins: [join(tools, 'measure', 'node_modules', '@stryker-mutator', 'vitest-runner', 'dist', 'src', 'index.js')],
  vitest: { configFile: 'test/mutation/vitest.config.ts' },
  coverageAnalysis: 'perTest',
  // What runs on import would need all tests of a file for each change.
  ignoreStatic: true,
  // TypeScript 7 has no API for what Stryker would rewrite in it.
  tsconfigFile: 'none.json',
  concurrency: 2,
  timeoutMS: 15_000,
  ignorePatterns: ['.tools', 'dist', 'test/histories', 'docs', 'chaos', 'bench', 'demo'],
  tempDirName: join(tools, 'stryker'),
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: join(tools, 'mutation.json') },
};
