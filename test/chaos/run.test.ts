import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { play } from '../../chaos/bed/play.js';
import { type Servers, startServers } from '../../chaos/bed/servers.js';
import { timeline } from '../../chaos/checker/timeline.js';
import { planOf } from '../../chaos/plan.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { firstRows } from '../support/rows.js';

/** Seeds that `npm run test:full` plays; `npm test` plays the first one, and `npm run chaos` any other. */
const SEEDS = [3, ...Array.from({ length: 20 }, (_, index) => index + 1).filter((seed) => seed !== 3)];

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

// A violation may be rare: CI must not repeat it away.
test.each(firstRows(1, SEEDS))('seed %i of chaos breaks no invariant', { timeout: 400_000, retry: 0 }, async (seed) => {
  const { evidence, acts, violations } = await play(servers, planOf(seed), join(repositoryRoot, 'dist'));
  expect(violations, timeline(evidence, acts, violations)).toEqual([]);
  // In the plans of some other seeds a pause or a fault holds every build.
  if (seed === SEEDS[0]) expect(evidence.writes.some(({ by }) => by === 'gate')).toBe(true);
});
