import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { tiers } from './test/support/tiers.js';

const { quick, alone, server } = tiers();

const compilerSettings = createHash('sha256')
  .update(readFileSync(`${import.meta.dirname}/tsconfig.json`))
  .digest('hex')
  .slice(0, 8);

/** Four processes and more share two cores: threads that collect garbage beside a test only cost, a tenth of the CPU; rarer collections save more. */
const execArgv = [
  '--single-threaded-gc',
  '--max-semi-space-size=64',
  '--require',
  `${import.meta.dirname}/test/support/cheap-workflows.cjs`,
  ...(process.env.WORKFLOW_COVERAGE ? ['--require', `${import.meta.dirname}/test/support/workflow-coverage.cjs`] : []),
];

/** `alone` and `quick` run side by side, for half of `quick` waits for timers; `server` follows. */
const turn = (groupOrder: number, maxWorkers: number) => ({
  sequence: { groupOrder, sequencer: LongestFirst },
  maxWorkers,
});

export default defineConfig({
  test: {
    // The SDK's native part belongs to a process.
    pool: 'forks',
    // Importing the SDK takes longer than most files: a process runs one file after another.
    isolate: false,
    execArgv,
    // A file as it was is not transformed again. An entry is found by the text of the file, and not by the settings of the compiler.
    experimental: { fsModuleCache: true, fsModuleCachePath: `node_modules/.cache/vitest/${compilerSettings}` },
    // Ends what hangs: four files share two cores, and a whole release takes many times what it does alone.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: alone, isolate: true, ...turn(0, 8) } },
      { extends: true, test: { name: 'quick', include: quick, ...turn(0, 8) } },
      {
        extends: true,
        test: { name: 'server', include: server, globalSetup: ['test/support/global-setup.ts'], ...turn(1, 4) },
      },
    ],
  },
});
