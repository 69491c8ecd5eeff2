import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { tiers } from './test/support/tiers.js';

const { quick, alone, server } = tiers();

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
    execArgv: ['--require', `${import.meta.dirname}/test/support/untimed-workflows.cjs`],
    // Ends what hangs: four files share two cores, and a whole release takes many times what it does alone.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: alone, isolate: true, ...turn(0, 4) } },
      { extends: true, test: { name: 'quick', include: quick, ...turn(0, 4) } },
      {
        extends: true,
        test: { name: 'server', include: server, globalSetup: ['test/support/global-setup.ts'], ...turn(1, 4) },
      },
    ],
  },
});
