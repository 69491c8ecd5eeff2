import { describe, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { useHungLook } from '../support/hung-look.js';
import { lacks } from '../support/needs.js';
import { fullTest } from '../support/rows.js';
import { asked } from '../support/skipped-gate.js';

const MINUTE = 60_000;

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  const { gate, leap, old, releasedToLook } = useHungLook('aged');

  fullTest(
    'a move that an outage of hours kept from its first read starts again only after the build is smoked again',
    async () => {
      const { sha, handle, heal } = await releasedToLook();
      gate().deploy({ sha, misbehave: 'memory-search' });
      heal();
      await leap(2 * 60 * MINUTE);
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryRejected' });
      // For the age of its verdict: without another wait for the build and another soak, which a lost proof would take first.
      expect(await asked(handle, 'awaitBuild')).toBe(1);
      expect(await gate().latest()).toEqual(old());
    },
  );
});
