import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { createFleetWatch } from '../../../activities/fleet-watch.js';
import { loadGateConfig } from '../../../src/config/load.js';
import { planRelease } from '../../../src/config/plan.js';
import type { ReleaseReport } from '../../../src/contract/release.js';
import { parseSha } from '../../../src/contract/sha.js';
import type { FleetWatchEnd } from '../../../src/contract/tenants/fleet-watch.js';
import type { LaneClient } from '../../../src/temporal/lane-client.js';
import { awaitRunEnd, queryStatus } from '../../../src/temporal/runs.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('quarantine', () => ({
  tenants: 2,
  env: { CANARY_SOAK_PROBE: '100ms', CANARY_HOLD_TIMEOUT: '60s', CANARY_UPDATE_TIMEOUT: '60s' },
  retryBudgetMs: { registry: 60_000, secret: 1_000, smoke: 8_000 },
}));
const OLD = newSha();
const why = { by: 'ada', reason: 'its disk is full' };
const aside = (tenant: string) =>
  gate().sendToLane('quarantine', { ...why, tenant, until: new Date(Date.now() + 3_600_000).toISOString() });
const back = (tenant: string) => gate().sendToLane('unquarantine', { ...why, tenant });
const sick = () => {
  const [, tenant] = gate().tenants;
  if (!tenant) throw new Error('no second tenant');
  return tenant;
};
const NOTE = expect.stringMatching(/^canary-2 is in quarantine until 20.*Z, by ada: its disk is full$/);

beforeEach(async () => {
  for (const tenant of ['canary-1', 'canary-2']) await back(tenant);
  await gate().begin(newSha());
});

/** A build on the first tenant; the second runs another one. */
async function buildOnFirst(): Promise<{ sha: string; digests: string[] }> {
  const build = await gate().greenBuild();
  sick().run({ sha: OLD });
  return build;
}

async function expectPromoted(handle: Awaited<ReturnType<ReturnType<typeof gate>['release']>>, digests: string[]) {
  const report = (await awaitRunEnd(handle)).report as ReleaseReport;
  expect(report).toMatchObject({ outcome: 'promoted', verdict: 'GREEN', fleetNotes: [NOTE] });
  expect(report.tenants.map(({ tenant }) => tenant)).toEqual(['canary-1']);
  expect(await gate().latest()).toEqual(digests);
  return report;
}

test('a release goes on without a tenant in quarantine, and its status and report say who, why and until when', async () => {
  const { sha, digests } = await buildOnFirst();
  await aside('canary-2');
  const handle = await gate().release({ sha, soak: '1s' });
  const status = await until('its status says so', async () => {
    const now = await queryStatus(gate().client, handle.workflowId);
    return now?.fleetNotes ? now : null;
  });
  expect(status.fleetNotes).toEqual([NOTE]);
  await expectPromoted(handle, digests);
  const entry = await until('the ledger has it', async () =>
    (await gate().laneClient.state())?.ledger.history.find((one) => one.sha === sha),
  );
  expect(entry.reason).toMatch(/^every check passed on every canary tenant; canary-2 is in quarantine until /);
});

fullTest('a running release that waits for a tenant goes on as soon as that is in quarantine', async () => {
  const { sha, digests } = await buildOnFirst();
  const handle = await gate().release({ sha });
  await until('it waits', async () => (await gate().phase(handle)) === 'awaiting-canary');
  await aside('canary-2');
  await expectPromoted(handle, digests);
});

fullTest('a running release that is held for a tenant goes on without it after a retry', async () => {
  const { sha, digests } = await gate().greenBuild();
  sick().run({ sha, misbehave: 'reject-commit' });
  const handle = await gate().release({ sha });
  const { id } = await heldFor(gate(), handle, 'could-not-test');
  await aside('canary-2');
  await say(handle, 'retry', { ...ada, hold: id });
  await expectPromoted(handle, digests);
});

fullTest('a tenant that turns RED in quarantine does not reject the build that is soaking', async () => {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha, soak: '4s' });
  await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
  await aside('canary-2');
  sick().run({ sha, misbehave: 'html-500' });
  await expectPromoted(handle, digests);
});

fullTest(
  'a tenant that comes back from quarantine during the soak has not been watched: all soak from zero',
  async () => {
    const { sha, digests } = await buildOnFirst();
    const handle = await gate().release({ sha, soak: '6s' });
    await until('it waits', async () => (await gate().phase(handle)) === 'awaiting-canary');
    await aside('canary-2');
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    gate().deploy({ sha });
    await back('canary-2');
    const report = (await awaitRunEnd(handle)).report as ReleaseReport;
    expect(report).toMatchObject({ outcome: 'promoted' });
    expect(report).not.toHaveProperty('fleetNotes');
    expect(report.phases.find(({ phase }) => phase === 'soaking')?.visits).toBe(2);
    expect(report.tenants.map(({ tenant }) => tenant)).toEqual(['canary-1', 'canary-2']);
    expect(report.watched?.watchedMs).toBeGreaterThanOrEqual(6_000);
    expect(await gate().latest()).toEqual(digests);
  },
);

fullTest(
  'a tenant that comes back from quarantine while the release waits for an approval is tested before it is asked again',
  async () => {
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, soak: '2s', approval: 'required' });
    await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
    await aside('canary-2');
    const { id } = await heldFor(gate(), handle, 'approval');
    expect((await queryStatus(gate().client, handle.workflowId))?.fleetNotes).toEqual([NOTE]);
    await back('canary-2');
    const again = await until('it is asked again', async () => {
      const hold = (await queryStatus(gate().client, handle.workflowId))?.hold;
      return hold?.name === 'approval' && hold.id !== id ? hold : null;
    });
    await say(handle, 'approve', { ...ada, hold: again.id });
    const report = (await awaitRunEnd(handle)).report as ReleaseReport;
    expect(report.tenants.map(({ tenant }) => tenant)).toEqual(['canary-1', 'canary-2']);
    expect(report).not.toHaveProperty('fleetNotes');
    expect(await gate().latest()).toEqual(digests);
  },
);

fullTest(
  'with fewer healthy tenants than CANARY_MIN_TENANTS a release is held, and a retry reads the fleet again',
  async () => {
    const { sha, digests } = await gate().greenBuild();
    for (const tenant of ['canary-1', 'canary-2']) await aside(tenant);
    const handle = await gate().release({ sha });
    const hold = await heldFor(gate(), handle, 'too-few-tenants');
    expect(hold.why).toMatch(
      /^0 of at least 1 tenants can test the build; canary-1 is in quarantine until .*; canary-2 /,
    );
    await expect(say(handle, 'approve', { ...ada, hold: hold.id })).rejects.toThrow();
    await back('canary-1');
    await say(handle, 'retry', { ...ada, hold: hold.id });
    await expectPromoted(handle, digests);
  },
);

fullTest('a running release whose last tenants go into quarantine is held before it smokes', async () => {
  const { sha } = await gate().greenBuild();
  const before = await gate().latest();
  const handle = await gate().release({ sha, soak: '3s' });
  await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
  for (const tenant of ['canary-1', 'canary-2']) await aside(tenant);
  await heldFor(gate(), handle, 'too-few-tenants');
  expect(await gate().latest()).toEqual(before);
  await say(handle, 'abort', ada);
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
});

fullTest('a release whose tenants go into quarantine after the smoke is held before it is promoted', async () => {
  const { sha } = await gate().greenBuild();
  const before = await gate().latest();
  await gate().sendToLane('pause', why);
  const handle = await gate().release({ sha });
  await until('it is paused', async () => (await gate().phase(handle)) === 'held');
  for (const tenant of ['canary-1', 'canary-2']) await aside(tenant);
  await gate().sendToLane('resume', why);
  await heldFor(gate(), handle, 'too-few-tenants');
  expect(await gate().latest()).toEqual(before);
  await say(handle, 'abort', ada);
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
});

describe('a stretch that canary-2 was not watched in', () => {
  const at = () => new Date().toISOString();
  const stretch = () => ({
    from: at(),
    until: at(),
    watchedMs: 0,
    longestGapMs: 0,
    rounds: 1,
    left: ['canary-2'],
  });
  /** Watches a build that all tenants run, as the activity does. */
  async function watchOf(
    soakMs: number | null,
    from: ReturnType<typeof stretch> | null,
    lane: LaneClient = gate().laneClient,
  ): Promise<FleetWatchEnd> {
    const { sha } = await gate().greenBuild();
    const { config, suite } = await loadGateConfig(gate().env);
    const { client } = gate();
    const { watchFleet } = createFleetWatch({ config, suite, client, lane, stopping: new AbortController().signal });
    const input = { soakMs, unreported: [], stretch: from && stretch() };
    return new MockActivityEnvironment().run(watchFleet, parseSha(sha), await planRelease(config, {}), input);
  }

  test('says so', async () => {
    await aside('canary-2');
    expect(await watchOf(0, null)).toMatchObject({ watched: { left: ['canary-2'] } });
  });

  test('is no proof for it if it comes back before the next watch begins', async () => {
    expect(await watchOf(null, stretch())).toEqual({ unwatched: 'canary-2 came back from quarantine' });
  });

  test('goes on while the lane is silent: no quarantine has ended', async () => {
    const silent = { ...gate().laneClient, state: async () => null };
    expect(await watchOf(0, stretch(), silent)).toMatchObject({ watched: { left: ['canary-2'] } });
  });
});
