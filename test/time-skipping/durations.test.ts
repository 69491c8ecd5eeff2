import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { moveLatestId } from '../../src/contract/ids.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { awaitRunEnd, sendDecision } from '../../src/temporal/runs.js';
import { heldFor } from '../support/decisions.js';
import { lacks } from '../support/needs.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { asked, seenAtWork, useSkippedGate } from '../support/skipped-gate.js';
import { until } from '../support/until.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe.skipIf(lacks('Java and Maven'))('in skipped time, where there are Java and Maven', () => {
  const { gate, leap, leapUntil, suspend } = useSkippedGate('skipped');
  const OLD = newSha();
  let old: string[];
  beforeAll(async () => {
    old = await gate().begin(OLD);
  });
  beforeEach(() => gate().setLatest(OLD));

  async function released({
    runs = 'it',
    ...input
  }: {
    runs?: 'it' | 'the old one';
    approval?: 'required';
    soak?: string;
  } = {}) {
    const sha = newSha();
    const digests = await gate().publish(sha);
    gate().deploy({ sha: runs === 'it' ? sha : OLD });
    return { sha, digests, handle: await gate().release({ sha, ...input }) };
  }
  const inPhase = (handle: WorkflowHandle, phase: string) =>
    until(`it is ${phase}`, async () => (await gate().phase(handle)) === phase);

  fullTest('machines that were suspended during a soak soak again', async () => {
    const { digests, handle } = await released({ soak: '4s' });
    await inPhase(handle, 'soaking');
    await suspend(6 * MINUTE);
    const resumed = Date.now();
    expect(await gate().latest()).toEqual(old);
    const { report } = await awaitRunEnd(handle);
    expect(report).toMatchObject({ outcome: 'promoted', notTested: [] });
    const { watched } = report as ReleaseReport;
    expect(watched?.watchedMs).toBeGreaterThanOrEqual(4 * SECOND);
    expect(Date.parse(watched?.from ?? '')).toBeGreaterThanOrEqual(resumed);
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest(
    'a release waits ten minutes for canaries that never report the build, then 72 hours for a person, and nothing moves',
    async () => {
      const { handle } = await released({ runs: 'the old one' });
      const waits = () => seenAtWork(handle, 'awaitBuild');
      const began = await until('it waits', waits);
      await suspend(9 * MINUTE);
      await until('it waits still', async () => (await waits()) > began + 9 * MINUTE);
      expect(await gate().phase(handle)).toBe('awaiting-canary');
      await suspend(MINUTE);
      const hold = await heldFor(gate(), handle, 'canary-not-updated');
      expect(hold.why).toMatch(/^after 10m canary-1 reports/);

      await suspend(72 * HOUR - MINUTE);
      expect(await heldFor(gate(), handle, 'canary-not-updated')).toEqual(hold);
      await suspend(MINUTE);
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryHoldExpired' });
      expect(await gate().latest()).toEqual(old);
    },
  );

  describe('an approval', () => {
    async function awaitingApproval() {
      const release = await released({ approval: 'required' });
      await heldFor(gate(), release.handle, 'approval');
      return release;
    }
    const approve = ({ workflowId }: WorkflowHandle) =>
      sendDecision(gate().client, workflowId, 'approve', { by: 'ada', reason: 'looked at it' });

    test('that no person gives in 72 hours ends the release, and nothing moves', async () => {
      const { handle } = await awaitingApproval();
      await leap(72 * HOUR);
      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'CanaryHoldExpired',
        why: 'approval: approval is required; no person decided',
      });
      expect(await gate().latest()).toEqual(old);
    });

    test.for([
      ['after 59 minutes promotes what was smoked before it', 59 * MINUTE, 1],
      ['after 71 hours 59 minutes promotes once every tenant is smoked once more', 72 * HOUR - MINUTE, 2],
    ] as const)('%s', async ([, after, smokes]) => {
      const { digests, handle } = await awaitingApproval();
      const began = await seenAtWork(handle, 'watchFleet');
      await leap(after);
      // The watch of the fleet goes on in its next attempt: this server never answers the cancel of one that waits for its retry.
      await until('it is watched again', async () => (await seenAtWork(handle, 'watchFleet')) > began + after);
      expect(await approve(handle)).toMatchObject({ taken: true });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await asked(handle, 'smokeTenant')).toBe(smokes * gate().tenants.length);
      expect(await gate().latest()).toEqual(digests);
    });

    fullTest(
      'does not apply to what was pushed since: the release starts over and needs another approval',
      async () => {
        const { sha, handle } = await awaitingApproval();
        await gate().publish(sha, { platforms: ['linux/amd64'] });
        await leap(2 * HOUR);
        expect(await approve(handle)).toMatchObject({ taken: true });
        const { id } = await heldFor(gate(), handle, 'build-repushed');
        const retried = { by: 'ada', reason: 'pushed again', hold: id };
        expect(await sendDecision(gate().client, handle.workflowId, 'retry', retried)).toMatchObject({ taken: true });
        await heldFor(gate(), handle, 'approval');
        expect(await gate().latest()).toEqual(old);
        await sendDecision(gate().client, handle.workflowId, 'abort', { by: 'ada', reason: 'seen enough' });
        await awaitRunEnd(handle);
      },
    );

    test('of a build that fails since it was smoked promotes nothing', async () => {
      const { sha, handle } = await awaitingApproval();
      gate().deploy({ sha, misbehave: 'memory-search' });
      await leap(72 * HOUR - MINUTE);
      expect(await approve(handle)).toMatchObject({ taken: true });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryRejected' });
      expect(await gate().latest()).toEqual(old);
    });
  });

  test('a release waits 25 minutes for another move that is under way, then nothing moves', async () => {
    // A mover whose workers are gone.
    const busy = await gate().client.workflow.start('MoveLatest', {
      workflowId: moveLatestId(gate().lane),
      taskQueue: 'no-worker-polls-here',
    });
    const { handle } = await released();
    const waits = () => seenAtWork(handle, 'awaitClosed');
    const began = await until('it waits', waits);
    await leap(24 * MINUTE);
    await until('it waits still', async () => (await waits()) > began + 24 * MINUTE);

    const isOpen = async () => (await handle.describe()).status.name === 'RUNNING';
    await leapUntil(MINUTE, waits, async () => !(await isOpen()));
    const { startTime, closeTime } = await handle.describe();
    expect(Number(closeTime) - Number(startTime)).toBeLessThan(27 * MINUTE);
    const { report } = await awaitRunEnd(handle);
    await busy.terminate();
    expect(report).toMatchObject({
      outcome: 'MoveRefused',
      why: 'skipped-move-latest has been busy with another move for 25 minutes',
    });
    expect(await gate().latest()).toEqual(old);
  });
});
