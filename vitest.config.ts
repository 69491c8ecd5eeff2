import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { tiers } from './test/support/tiers.js';

const { quick, alone, server } = tiers();

// These want a core each, and tell soonest what is broken.
const first = { sequence: { groupOrder: 0, sequencer: LongestFirst }, maxWorkers: 2 };
// These wait for servers and timers more than for a core.
const then = { sequence: { groupOrder: 1, sequencer: LongestFirst }, maxWorkers: 4 };

export default defineConfig({
  test: {
    // The SDK's native part belongs to a process.
    pool: 'forks',
    // Importing the SDK takes longer than most files: a process runs one file after another.
    isolate: false,
    execArgv: ['--require', `${import.meta.dirname}/test/support/untimed-workflows.cjs`],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: alone, isolate: true, ...first } },
      { extends: true, test: { name: 'quick', include: quick, ...first } },
      {
        extends: true,
        test: { name: 'server', include: server, globalSetup: ['test/support/global-setup.ts'], ...then },
      },
    ],
  },
});
