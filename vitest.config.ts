import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { tiers } from './test/support/tiers.js';

const { quick, alone, server } = tiers();

/** Tiers run one after the other. What measures its process wants a core for each file; the others wait for timers and servers, too. */
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
    execArgv: ['--require', `${import.meta.dirname}/test/support/untimed-workflows.cjs`],
    // Ends what hangs: four files share two cores, and a whole release takes many times what it does alone.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: alone, isolate: true, ...turn(0, 2) } },
      { extends: true, test: { name: 'quick', include: quick, ...turn(1, 3) } },
      {
        extends: true,
        test: { name: 'server', include: server, globalSetup: ['test/support/global-setup.ts'], ...turn(2, 4) },
      },
    ],
  },
});
