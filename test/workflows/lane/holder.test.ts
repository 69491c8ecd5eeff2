import { describe, expect, test } from 'vitest';
import { moveLatestId, releaseId, taskQueue } from '../../../src/contract/ids.js';
import { parseDigest, parseRepository } from '../../../src/contract/image.js';
import { authorizeMoveUpdate, laneCommandUpdate } from '../../../src/contract/messages.js';
import { parseSha } from '../../../src/contract/sha.js';
import { LEASE_MS } from '../../../src/lane/moves.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { arrive, holdsLane, inQueue, laneState, queuedRelease } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { catchIn } from '../../support/phases.js';
import { entering, firstTask, type Run, resetTo } from '../../support/resets.js';
import { fullTest } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { registry, gate, writes, pairs } = await useCountedGate('lane-holder');

/** Longest time until the next one holds the lane: far above what it takes. */
const NOTICED_MS = 5_000;

interface Build {
  sha: string;
  digests: string[];
  handle: Run;
}

/** Requires that a release acquires the lane now, and is promoted. */
async function requirePromoted({ sha, digests, handle }: Build) {
  await holdsLane(gate(), sha, NOTICED_MS);
  gate().deploy({ sha });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate().latest()).toEqual(digests);
}

const outcomeOf = async (handle: Run) => {
  const end = await awaitRunEnd(handle);
  return end.report?.outcome ?? ('outcome' in end ? end.outcome : '');
};

/** Starts a run under the id of a release, as `temporal workflow start` would. */
async function startPlainly(type: string, more: { workflowRunTimeout?: number } = {}): Promise<Build> {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().client.workflow.start(type, {
    workflowId: releaseId(gate().lane, parseSha(sha)),
    taskQueue: taskQueue(gate().lane),
    args: [{ sha, approval: 'required' }],
    ...more,
  });
  return { sha, digests, handle };
}

describe('when the release that holds the lane', () => {
  fullTest('is promoted, the next one acquires the lane, and moves over it', async () => {
    const first = await catchIn('awaiting-approval', gate(), registry);
    const next = await queuedRelease(gate());
    await first.goOn();
    expect(await outcomeOf(first.handle)).toBe('promoted');
    await requirePromoted(next);
    expect(writes()).toEqual(pairs(2));
  });

  fullTest('is RED, the next one acquires the lane, and nothing else moves', async () => {
    const first = await catchIn('soaking', gate(), registry);
    const next = await queuedRelease(gate());
    gate().deploy({ sha: first.sha, misbehave: 'empty-subsystems' });
    expect(await outcomeOf(first.handle)).toBe('CanaryRejected');
    await requirePromoted(next);
    expect(writes()).toEqual(pairs(1));
  });

  fullTest(
    'is aborted, cancelled or terminated, the next one acquires the lane, and nothing else moves',
    async () => {
      const ends: [(handle: Run) => Promise<unknown>, string][] = [
        [(handle) => say(handle, 'abort', ada), 'CanaryAborted'],
        [(handle) => handle.cancel(), 'CanaryAborted'],
        [(handle) => handle.terminate('by the test'), 'terminated'],
      ];
      let holder: Build = await catchIn('awaiting-approval', gate(), registry);
      for (const [end, outcome] of ends) {
        const next = await queuedRelease(gate(), { approval: 'required' });
        await end(holder.handle);
        expect(await outcomeOf(holder.handle)).toBe(outcome);
        await holdsLane(gate(), next.sha, NOTICED_MS);
        gate().deploy({ sha: next.sha });
        await heldFor(gate(), next.handle, 'approval');
        holder = next;
      }
      expect(writes()).toEqual([]);
      await say(holder.handle, 'approve', ada);
      await requirePromoted(holder);
      expect(writes()).toEqual(pairs(1));
    },
    60_000,
  );

  fullTest('times out, the next one acquires the lane, and nothing else moves', async () => {
    const first = await startPlainly('CanaryRelease', { workflowRunTimeout: 8_000 });
    gate().keep(first.handle);
    await heldFor(gate(), first.handle, 'approval');
    const next = await queuedRelease(gate());
    expect(await outcomeOf(first.handle)).toBe('TimedOut');
    await requirePromoted(next);
    expect(writes()).toEqual(pairs(1));
  });

  fullTest('is deleted, the next one acquires the lane, and nothing else moves', async () => {
    const first = await startPlainly('CanaryRelease');
    await heldFor(gate(), first.handle, 'approval');
    const next = await queuedRelease(gate());
    await gate().client.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: first.handle.workflowId, runId: first.handle.firstExecutionRunId },
    });
    await requirePromoted(next);
    expect(writes()).toEqual(pairs(1));
  });
});

describe('a release that is reset', () => {
  fullTest(
    'while it holds the lane loses it: the next one acquires it, and the release joins the queue again',
    async () => {
      const first = await catchIn('awaiting-approval', gate(), registry);
      const next = await queuedRelease(gate());
      const again = await resetTo(gate(), firstTask, first.handle);
      await requirePromoted(next);
      expect((await awaitRunEnd(again)).report).toMatchObject({
        outcome: 'superseded',
        why: `superseded by ${next.sha}`,
      });
      expect(writes()).toEqual(pairs(1));
    },
  );

  test('after its end, while another one holds the lane, moves nothing with its old fencing token: it joins the queue again', async () => {
    const first = await catchIn('awaiting-approval', gate(), registry);
    const heal = registry.faults.add({
      match: isPut(),
      respond: () => ociError(403, 'DENIED', 'permission_denied: write_package'),
    });
    // It comes as far as its mover, which may not write.
    await first.goOn();
    await heldFor(gate(), first.handle, 'registry-down');
    heal();
    await first.handle.terminate('by the test');
    const next = await arrive(gate());
    await holdsLane(gate(), next.sha);

    const again = await resetTo(gate(), entering('promoting'), first.handle);
    await inQueue(gate(), first.sha);
    expect(writes()).toEqual([]);
    await requirePromoted(next);
    expect((await awaitRunEnd(again)).report).toMatchObject({
      outcome: 'superseded',
      why: `superseded by ${next.sha}`,
    });
    expect(writes()).toEqual(pairs(1));
  });

  fullTest(
    'after a newer one preempted it joins the queue again: a revocation of the old fencing token does not apply to the new one',
    async () => {
      const first = await catchIn('held', gate(), registry);
      const next = await arrive(gate());
      expect(await outcomeOf(first.handle)).toBe('superseded');
      first.release();
      const again = await resetTo(gate(), firstTask, first.handle);
      await inQueue(gate(), first.sha);
      await say(next.handle, 'abort', ada);
      await requirePromoted({ ...first, handle: again });
      expect(writes()).toEqual(pairs(1));
    },
  );
});

describe('a message that arrives after the end of its run', () => {
  test('keeps no lane: the request of a release that was terminated while it held the lane', async () => {
    const first = await arrive(gate());
    await holdsLane(gate(), first.sha);
    await first.handle.terminate('by the test');
    await until('the lane is free', async () => (await laneState(gate())).holder === null);
    const { workflowId, firstExecutionRunId: runId } = first.handle;
    await gate().laneClient.joinQueue({ workflowId, runId, sha: parseSha(first.sha) });
    await requirePromoted(await arrive(gate()));
  });

  fullTest('keeps no lane: a question for the write lease in the name of an earlier mover', async () => {
    const { sha } = await gate().greenBuild();
    await awaitRunEnd(await gate().release({ sha }));
    const mover = await gate().client.workflow.getHandle(moveLatestId(gate().lane)).describe();
    const second = await arrive(gate());
    await holdsLane(gate(), second.sha);
    const parent = { workflowId: second.handle.workflowId, runId: second.handle.firstExecutionRunId };
    const images = gate().repositories.map((name) => ({
      repository: parseRepository(`${gate().host}/${name}`),
      to: parseDigest(second.digests[0]),
      from: null,
    }));
    const input = { kind: 'promotion' as const, sha: parseSha(second.sha), images, by: 'mallory', reason: 'because' };
    const { expectedLatest } = (await laneState(gate())).ledger;
    const latest = expectedLatest?.images ?? [];
    const question = { moverRunId: mover.runId, parent, input, begun: false, latest };
    expect(await gate().laneClient.update(authorizeMoveUpdate, question)).toEqual({ decision: 'allow' });
    await say(second.handle, 'abort', ada);
    await until('its lease is over', async () => (await laneState(gate())).move === null, LEASE_MS + NOTICED_MS);
    await requirePromoted(await arrive(gate()));
  });
});

test('a release that a person dropped while it held the lane does not wait for it again', async () => {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha, approval: 'required' });
  const { id } = await heldFor(gate(), handle, 'approval');
  await gate().laneClient.update(laneCommandUpdate('drop'), { ...ada, sha });
  await say(handle, 'approve', { ...ada, hold: id });
  const { report } = await awaitRunEnd(handle);
  expect(report).toMatchObject({ outcome: 'CanaryAborted', why: expect.stringContaining('dropped by ada') });
  expect(await gate().latest()).not.toEqual(digests);
});

describe('a release whose workflow task fails forever', () => {
  fullTest('keeps the lane until a person drops it; then the next one acquires it', async () => {
    // No worker knows its type: each of its tasks fails, and it hears no abort.
    const { sha, handle } = await startPlainly('ReleaseOfNextYear');
    const run = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
    await gate().laneClient.joinQueue({ ...run, sha: parseSha(sha) });
    await holdsLane(gate(), sha);
    const next = await queuedRelease(gate());
    await until('its task has failed, and not for the first time', async () => {
      const { raw } = await handle.describe();
      return (raw.pendingWorkflowTask?.attempt ?? 0) > 2;
    });
    expect(await laneState(gate())).toMatchObject({ holder: run, queue: [{ sha: next.sha }] });

    expect(await gate().laneClient.update(laneCommandUpdate('drop'), { ...ada, sha })).toBe(
      `${sha} no longer holds the lane`,
    );
    await requirePromoted(next);
    expect(writes()).toEqual(pairs(1));
    await handle.terminate('by the test');
  });
});
