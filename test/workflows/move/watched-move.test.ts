import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { ReleaseReport } from '../../../src/contract/release.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../../testbed/memory-registry.js';
import { ociError } from '../../../testbed/registry-store.js';
import { logged, useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());
const gate = useGate('watched-move', () => ({
  registry: registry.host,
  env: { CANARY_SOAK_PROBE: '200ms', CANARY_HOLD_TIMEOUT: '60s', CANARY_UPDATE_TIMEOUT: '60s' },
  waits: { promoteMs: 20_000, splitMs: 20_000 },
}));
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(async () => {
  // The activity of a terminated mover may have asked for the write lease once more, beside the report of the next one.
  await until('no move is under way', async () => (await laneState(gate())).move === null);
  await gate().setLatest(OLD);
});

const reportOf = async (handle: Awaited<ReturnType<ReturnType<typeof gate>['release']>>) =>
  (await awaitRunEnd(handle)).report as ReleaseReport;

describe('a canary that the watch doubts while :latest is moved', () => {
  fullTest(
    'and that is away is named in the report: the move finishes first',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const [canary] = gate().tenants;
      let refusedUntil = 0;
      const heal = registry.faults.add({
        match: isPut(gate().repositories[1]),
        async respond(_request, serve) {
          if (refusedUntil === 0) {
            await until('the first image is moved', async () => (await gate().latest())[0] === digests[0]);
            await canary?.crash();
            refusedUntil = performance.now() + 2_500;
          }
          return performance.now() < refusedUntil ? ociError(503, 'UNAVAILABLE', 'try again') : serve();
        },
      });
      const report = await reportOf(await gate().release({ sha }));
      heal();
      await canary?.recover();
      const text = expect.stringMatching(/^interrupted while :latest was moved: canary-1 from /);
      expect(report).toMatchObject({
        outcome: 'promoted',
        notTested: [{ kind: 'interrupted-while-moving', text }],
        interruptions: [{ tenant: 'canary-1' }],
      });
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );

  fullTest(
    'and that turns RED leaves the verdict RED, and raises the alarm of a live build',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      let isRed = false;
      const heal = registry.faults.add({
        match: isPut(),
        respond: (_request, serve) => {
          if (isRed) return serve();
          gate().deploy({ sha, misbehave: 'empty-subsystems' });
          return ociError(503, 'UNAVAILABLE', 'try again');
        },
      });
      const handle = await gate().release({ sha });
      await until('a check failed twice', async () => {
        const { raw } = await handle.describe();
        const steps = raw.pendingActivities ?? [];
        return steps.every(({ activityType }) => activityType?.name !== 'watchFleet') && raw.pendingChildren?.length;
      });
      isRed = true;
      const report = await reportOf(handle);
      heal();
      expect(report).toMatchObject({
        outcome: 'promoted',
        verdict: 'RED',
        notTested: [
          {
            kind: 'red-while-moving',
            text: expect.stringMatching(/^RED while :latest was moved: canary-1: liveness/),
          },
        ],
      });
      expect(await gate().latest()).toEqual(digests);
      await until('the alarm is out', () =>
        logged.some(({ message, meta }) => message === 'alarm' && meta?.alarm === 'live-build-red'),
      );
    },
    60_000,
  );
});
