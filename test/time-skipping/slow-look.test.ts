import { describe, expect } from 'vitest';
import { moveLatestId } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { ada, say, statusOf } from '../support/decisions.js';
import { useHungLook } from '../support/hung-look.js';
import { lacks } from '../support/needs.js';
import { fullTest } from '../support/rows.js';
import { seenAtWork } from '../support/skipped-gate.js';

const MINUTE = 60_000;

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  const { gate, leapUntil, old, releasedToLook } = useHungLook('slow-look');

  fullTest(
    'a mover that cannot read the registry in time is started once more, then the release is held; retry continues',
    async () => {
      const { digests, handle, heal } = await releasedToLook();
      const mover = gate().client.workflow.getHandle(moveLatestId(gate().lane));
      const held = await leapUntil(
        2 * MINUTE,
        () => seenAtWork(mover, 'preflightMove'),
        async () => (await statusOf(gate(), handle))?.hold,
      );
      expect(held.name).toBe('timed-out');
      const { events } = await handle.fetchHistory();
      expect(events?.filter((event) => event.childWorkflowExecutionFailedEventAttributes)).toHaveLength(2);
      heal();
      expect(await gate().latest()).toEqual(old());
      await say(handle, 'retry', { ...ada, hold: held.id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
    },
  );
});
