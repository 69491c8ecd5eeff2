import { describe, expect } from 'vitest';
import { releaseLaneId } from '../../../src/contract/ids.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { endLane, laneState, promoted, startLane } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { startSeededLane } from '../../support/seeds.js';
import { DELETION_MS, until } from '../../support/until.js';

const { registry, gate, writes, pairs } = await useCountedGate('lane-lost');

describe('a lane of which less is left', () => {
  /** Leaves of the lane only what its last run, which does not answer, began with; gives that. */
  async function silence() {
    const carried = await laneState(gate());
    await endLane(gate());
    // As one whose code has changed, it does not replay.
    await startSeededLane(gate(), carried, true);
    await startLane(gate());
    return carried;
  }

  fullTest('one that does not answer any more: what it began with counts, on hold', async () => {
    const last = await promoted(gate());
    const carried = await silence();
    const { ledger, ...rest } = await laneState(gate());
    const { lost, ...found } = ledger;
    expect({ ledger: { ...found, hold: null }, ...rest }).toEqual(carried);
    expect(lost).toEqual({ seen: carried.ledger.seen, upTo: null });
    expect(ledger).toMatchObject({ hold: { name: 'not-recovered' }, newestPromoted: { sha: last.sha } });
    await gate().adopt();
  });

  fullTest(
    'one that was not recovered is on hold until `lane adopt` lifts that, and refuses what no sequence dates until a person names the newest one',
    async () => {
      await silence();
      expect((await laneState(gate())).ledger.hold).toMatchObject({ name: 'not-recovered' });
      await gate().adoptAlone();
      expect((await laneState(gate())).ledger.hold).toBeNull();
      // It may be one that was rolled back from.
      await refused((await gate().greenBuild()).sha);
      expect(writes()).toEqual(pairs(0));
      await sayNewest(0);
      await promoted(gate());
      expect(writes()).toEqual(pairs(1));
    },
  );

  const sayNewest = (sequence: number) => gate().sendToLane('sequence', { ...ada, sequence });
  async function refused(sha: string) {
    const { report } = await awaitRunEnd(await gate().release({ sha }));
    expect(report).toMatchObject({
      outcome: 'ConfigInvalid',
      why: expect.stringContaining('a part of the ledger was lost'),
    });
  }

  /** Deletes every run of the lane, as `temporal workflow delete` does. */
  async function deleteLanes() {
    const { workflowService, workflow } = gate().client;
    const workflowId = releaseLaneId(gate().lane);
    const listed = async (also = '') => {
      const runs: string[] = [];
      for await (const { runId } of workflow.list({ query: `WorkflowId = '${workflowId}'${also}` })) runs.push(runId);
      return runs;
    };
    await endLane(gate());
    // A list that learns of an end after the deletion would keep it.
    await until('the end is listed', async () => (await listed(" AND ExecutionStatus = 'Running'")).length === 0);
    for (const runId of await listed())
      await workflowService.deleteWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId, runId },
      });
    await until('none is listed', async () => (await listed()).length === 0, DELETION_MS);
  }

  fullTest(
    'one that was deleted: where its last move left :latest is known, and nothing moves without an approval that says so',
    async () => {
      const last = await promoted(gate());
      await deleteLanes();
      // The copy in the registry is gone too.
      registry.faults.add({
        match: ({ method, path }) => method === 'GET' && path.includes('/manifests/canary-ledger'),
        respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
      });
      await startLane(gate());
      const { ledger } = await laneState(gate());
      expect(ledger).toMatchObject({
        hold: { name: 'not-recovered' },
        expectedLatest: { images: last.digests.map((digest) => ({ digest })) },
      });

      const next = await gate().greenBuild();
      await refused(next.sha);
      await sayNewest(0);
      const handle = await gate().release({ sha: next.sha });
      const hold = await heldFor(gate(), handle, 'latest-moved');
      expect(hold.why).toContain('only the last move of the lane is known');
      expect(writes()).toEqual(pairs(1));
      await say(handle, 'approve', { ...ada, hold: hold.id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(writes()).toEqual(pairs(2));
      const then = (await laneState(gate())).ledger;
      expect(then).toMatchObject({ hold: null, newestPromoted: { sha: next.sha } });
    },
    2 * DELETION_MS,
  );
});
