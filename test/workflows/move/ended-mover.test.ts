import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { moveLatestId } from '../../../src/contract/ids.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
const gate = useGate('ended-mover', () => ({
  registry: registry.host,
  env: { CANARY_SOAK_PROBE: '200ms', CANARY_HOLD_TIMEOUT: '60s', CANARY_UPDATE_TIMEOUT: '60s' },
}));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().publish(OLD);
  await gate().begin(OLD);
});
beforeEach(async () => {
  // The activity of a terminated mover may have asked for the write lease once more, beside the report of the next one.
  await until('no move is under way', async () => (await laneState(gate())).move === null);
  await gate().setLatest(OLD);
});

/** How long the next mover may take to start, and the lane to know of it, in milliseconds. */
const NEXT_MS = 40_000;

/**
 * Terminates the mover of the next release once its first image is moved.
 * @param digests that it moves to.
 * @param also what happens right before.
 */
function endMover(digests: readonly string[], also: () => unknown = () => undefined) {
  const mover = gate().client.workflow.getHandle(moveLatestId(gate().lane));
  let ended: string | null = null;
  let [isSent, isByHand] = [false, false];
  // The activity of a terminated mover goes on until its next heartbeat, so the second image is refused until another mover is there.
  const heal = registry.faults.add({
    match: (request) => !isByHand && isPut(gate().repositories[1])(request),
    respond: async () => {
      if (isSent) return 'drop' as const;
      isSent = true;
      const { runId } = await mover.describe();
      await until('the first image is moved', async () => (await gate().latest())[0] === digests[0]);
      await also();
      await mover.terminate('by the test');
      ended = runId;
      return 'drop' as const;
    },
  });
  return {
    async goBackByHand() {
      await until('the mover is terminated', () => ended !== null);
      isByHand = true;
      await gate().retag(OLD, 'latest');
      isByHand = false;
    },
    async heal() {
      const isNext = async () => ended !== null && (await mover.describe()).runId !== ended;
      await until('the next mover is there', isNext, NEXT_MS);
      heal();
    },
  };
}

describe('after a mover that was terminated between two images', () => {
  fullTest(
    'another one restores its half, and a person decides',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const mover = endMover(digests);
      const handle = await gate().release({ sha });
      await mover.heal();
      const { id } = await heldFor(gate(), handle, 'registry-down', NEXT_MS);
      expect(await gate().latest()).toEqual(old);
      await say(handle, 'retry', { ...ada, hold: id });
      const end = await awaitRunEnd(handle);
      expect(end.report).toMatchObject({ outcome: 'promoted', images: old.map((previous) => ({ previous })) });
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );

  fullTest(
    'nothing is moved again without a person, if one went back by hand',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const mover = endMover(digests);
      const handle = await gate().release({ sha });
      await mover.goBackByHand();
      await mover.heal();
      const { id, why } = await heldFor(gate(), handle, 'latest-moved', NEXT_MS);
      expect(why).toContain('the mover before this one was terminated');
      await say(handle, 'abort', { ...ada, hold: id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
      expect(await gate().latest()).toEqual(old);
    },
    60_000,
  );

  fullTest(
    'its half is restored first, also if a canary is in doubt',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const [canary] = gate().tenants;
      const mover = endMover(digests, () => canary?.crash());
      const handle = await gate().release({ sha });
      await mover.heal();
      await until('its half is restored', async () => (await gate().latest())[0] === old[0], NEXT_MS);
      await until('no move is under way', async () => (await laneState(gate())).move === null, NEXT_MS);
      await say(handle, 'abort', ada);
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
      await canary?.recover();
      expect(await gate().latest()).toEqual(old);
    },
    60_000,
  );
});
