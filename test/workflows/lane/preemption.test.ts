import { describe, expect, test } from 'vitest';
import { HOLDS, type HoldName } from '../../../src/contract/hold.js';
import { holderStatusSignal, laneCommandUpdate } from '../../../src/contract/messages.js';
import type { ReleasePhase, ReleaseReport } from '../../../src/contract/release.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import type { Misbehavior } from '../../../testbed/misbehaviors.js';
import { ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { logged } from '../../support/gate.js';
import { arrive, holdsLane, laneState, promoted, queuedRelease } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { type Caught, catchIn } from '../../support/phases.js';
import { firstRows, fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const GRACE_MS = 3_000;
const { registry, gate, writes, pairs } = await useCountedGate('lane-gives-way', {
  CANARY_UPDATE_TIMEOUT: '3s',
  CANARY_HOLD_GRACE: '3s',
  CANARY_SOAK_PROBE: '100ms',
});

type Handle = Caught['handle'];
const reportOf = async (handle: Handle) => (await awaitRunEnd(handle)).report as ReleaseReport;
const soaking = () => catchIn('soaking', gate(), registry, { soak: '1s' });

/** Releases a build that makes its tenants do this. */
async function releaseOf(misbehave: Misbehavior) {
  const { sha } = await gate().greenBuild();
  gate().deploy({ sha, misbehave });
  return { handle: await gate().release({ sha }) };
}

/** How a release comes to be held, for the holds that a newer build preempts at once. */
const HELD_RELEASES: [HoldName, () => Promise<{ handle: Handle }>][] = [
  [
    'canary-not-updated',
    () => {
      gate().deploy({ sha: newSha() });
      return arrive(gate());
    },
  ],
  ['build-unreported', () => releaseOf('no-build')],
  ['could-not-test', () => releaseOf('reject-commit')],
  [
    'build-repushed',
    async () => {
      const release = await soaking();
      await gate().publish(release.sha, { platforms: ['linux/amd64'] });
      return release;
    },
  ],
  [
    'latest-moved',
    async () => {
      const release = await soaking();
      await gate().publish(newSha(), { tag: 'latest' });
      return release;
    },
  ],
  [
    'registry-down',
    async () => {
      const release = await soaking();
      const respond = () => ociError(403, 'DENIED', 'permission_denied: write_package');
      registry.faults.add({ match: isPut(), times: 2, respond });
      return release;
    },
  ],
];

/** Holds without a row, and why. */
const EXEMPT: Partial<Record<HoldName, string>> = {
  approval: 'protected by the grace period, in a test of its own',
  'after-rollback': 'protected by the grace period, as approval is',
  'canary-unstable': 'needs three interruptions; the lane preempts it as any hold without a grace period',
  'too-few-tenants': 'its quarantines would count for the next release too; preempted as registry-down is',
  'secret-missing': 'needs a second worker; preempted as registry-down is',
  'timed-out': 'needs two time-outs of a step; preempted as registry-down is',
};

describe('the rows of this file', () => {
  test('cover every hold of the contract, or exempt it', () => {
    const covered = [...HELD_RELEASES.map(([name]) => name), ...Object.keys(EXEMPT)];
    expect(covered.sort()).toEqual(Object.keys(HOLDS).sort());
  });
});

describe('a newer build that joins the queue', () => {
  test.each(firstRows(1, HELD_RELEASES))('takes over at once from one that is held for %s', async (name, begin) => {
    const { handle } = await begin();
    await heldFor(gate(), handle, name);
    const before = writes();
    const newer = await arrive(gate());
    expect(await reportOf(handle)).toMatchObject({ outcome: 'superseded', why: `superseded by ${newer.sha}` });
    await holdsLane(gate(), newer.sha);
    await say(newer.handle, 'abort', ada);
    await awaitRunEnd(newer.handle);
    expect(writes()).toEqual(before);
  });

  test.each(
    firstRows<[string, ReleasePhase, () => Promise<unknown>, () => Promise<Caught>]>(1, [
      ['an approval', 'awaiting-approval', async () => undefined, () => catchIn('awaiting-approval', gate(), registry)],
      ['the end of a pause', 'held', () => gate().laneClient.update(laneCommandUpdate('pause'), ada), soaking],
    ]),
  )(
    'takes over from a green one that waits for %s, but not before its grace is over',
    async (_for, phase, begin, release) => {
      await begin();
      const { handle } = await release();
      await until('it waits', async () => (await gate().phase(handle)) === phase);
      const newer = await arrive(gate());
      const report = await reportOf(handle);
      expect(report).toMatchObject({ outcome: 'superseded', why: `superseded by ${newer.sha}` });
      expect(report.phases.find((one) => one.phase === phase)?.ms).toBeGreaterThanOrEqual(GRACE_MS);
      await holdsLane(gate(), newer.sha);
      await say(newer.handle, 'abort', ada);
      await awaitRunEnd(newer.handle);
      await gate().laneClient.update(laneCommandUpdate('resume'), ada);
      expect(writes()).toEqual([]);
    },
  );
});

describe('a newer build whose release ended while it waited', () => {
  test('does not take over from a green one that waits for an approval', async () => {
    const green = await catchIn('resolving', gate(), registry, { approval: 'required' });
    const newer = await queuedRelease(gate());
    await say(newer.handle, 'abort', ada);
    await awaitRunEnd(newer.handle);
    green.release();
    const { id } = await heldFor(gate(), green.handle, 'approval');
    await until('the grace is over, and it left the queue', async () => (await laneState(gate())).queue.length === 0);
    expect((await laneState(gate())).holder).toMatchObject({ sha: green.sha });
    expect(await gate().phase(green.handle)).toBe('awaiting-approval');
    await say(green.handle, 'abort', { ...ada, hold: id });
    expect(await reportOf(green.handle)).toMatchObject({ outcome: 'CanaryAborted' });
  });
});

test('a newer build does not take over from one that is no longer held, although the lane did not hear of that', async () => {
  const first = await catchIn('resolving', gate(), registry);
  const newer = await queuedRelease(gate());
  const { runId } = (await laneState(gate())).holder ?? { runId: '' };
  await gate().laneClient.signal(holderStatusSignal, { runId, heldFor: { hold: 'canary-unstable', preemptibleAt: 0 } });
  await gate().laneClient.update(laneCommandUpdate('resume'), ada);
  await until('the lane has looked', async () => (await laneState(gate())).holder?.heldFor === undefined);
  const { holder, queue } = await laneState(gate());
  expect({ sha: holder?.sha, revocation: holder?.revocation }).toEqual({ sha: first.sha, revocation: undefined });
  expect(queue).toMatchObject([{ sha: newer.sha }]);
  for (const { handle } of [newer, first]) await say(handle, 'abort', ada);
  first.release();
  for (const { handle } of [newer, first]) await awaitRunEnd(handle);
});

describe('a fleet that moves on to a newer build', () => {
  const alarms = () =>
    logged.filter(({ message, meta }) => message === 'alarm' && meta?.alarm === 'consecutive-preemptions');
  const preemptions = async () => (await laneState(gate())).ledger.consecutivePreemptions;

  fullTest(
    'supersedes the build that soaks, with that reason; three in a row raise an alarm, and a promotion resets the count',
    async () => {
      await promoted(gate());
      expect(await preemptions()).toBe(0);
      let { handle } = await catchIn('soaking', gate(), registry, { soak: '60s' });
      for (let times = 1; times <= 3; times += 1) {
        expect(alarms()).toEqual([]);
        const next = await queuedRelease(gate(), { soak: '60s' });
        gate().deploy({ sha: next.sha });
        expect(await reportOf(handle)).toMatchObject({
          outcome: 'superseded',
          why: `superseded by ${next.sha}: the canary tenants moved on to it before this one was promoted`,
        });
        expect(await preemptions()).toBe(times);
        await until('the next one soaks', async () => (await gate().phase(next.handle)) === 'soaking');
        handle = next.handle;
      }
      await until('the alarm is out', () => alarms().length > 0);
      expect(alarms()).toMatchObject([
        { level: 'ERROR', meta: { why: expect.stringContaining('3 releases in a row') } },
      ]);
      expect(writes()).toEqual(pairs(1));
      await say(handle, 'abort', ada);
      await awaitRunEnd(handle);
      await promoted(gate());
      expect(await preemptions()).toBe(0);
    },
    60_000,
  );
});
