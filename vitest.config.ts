import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { tiers } from './test/support/tiers.js';

const { quick, alone, server } = tiers();

export default defineConfig({
  test: {
    // The SDK's native part belongs to a process.
    pool: 'forks',
    // Importing the SDK takes longer than most files: a process runs one file after another.
    isolate: false,
    // Most tests wait for servers and timers, not for a core.
    maxWorkers: 6,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'quick', include: quick } },
      { extends: true, test: { name: 'alone', include: alone, isolate: true } },
      { extends: true, test: { name: 'server', include: server, globalSetup: ['test/support/global-setup.ts'] } },
    ],
  },
});
