import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { releaseLaneId } from '../../src/contract/ids.js';
import type { WatchReport } from '../../src/contract/tenants/production.js';
import { awaitRunEnd, findRun } from '../../src/temporal/runs.js';
import { versionIn } from '../../src/temporal/version.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import type { Tenant } from '../../testbed/tenant.js';
import { ada, approveToTheEnd, statusOf } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { laneHandle, laneState } from '../support/lanes.js';
import { type Caught, catchIn, PATIENT, PHASES, type Phase } from '../support/phases.js';
import { continuedWatch, startProduction } from '../support/production.js';
import { fullDescribe, fullTest, rows } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { changedBundle, OTHER_VERSION, startVersion } from '../support/versions.js';

const OWN_VERSION = '0.0.8+0600d0de';
/** A soak that outlasts each crossing. */
const SOAK = '45s';

const registry = await startMemoryRegistry();
afterAll(() => registry.stop());

/** A gate whose production is watched, and whose mover waits for a slow registry. */
function useCrossings(name: string) {
  let production: Tenant[] = [];
  const gate = useGate(name, async () => {
    const { tenants, file } = await startProduction(['acme']);
    production = tenants;
    // A hold stays open through two changes of the workers.
    const env = { ...PATIENT, CANARY_HOLD_TIMEOUT: '5m', CANARY_PROD_FLEET_FILE: file };
    return { isIdle: true, registry: registry.host, env, waits: { promoteMs: 120_000 } };
  });
  // Two versions of the workflows: no one code replays all runs.
  beforeAll(() => gate().leaveUnreplayed());

  /** Versions of the workers that carried out the workflow tasks of a run, in order, each once in a row. */
  async function servedBy({ workflowId }: Pick<WorkflowHandle, 'workflowId'>, runId?: string) {
    const { events } = await gate().client.workflow.getHandle(workflowId, runId).fetchHistory();
    const all = (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: task }) =>
      task ? [versionIn(task.identity ?? '')] : [],
    );
    return all.filter((version, index) => version !== all[index - 1]);
  }
  return {
    gate,
    servedBy,
    /** A release in a phase, beside a watch over another build. */
    async begin(phase: Phase) {
      const watched = newSha();
      for (const tenant of production) tenant.run({ sha: newSha() });
      const watch = await continuedWatch(gate(), production, watched, {});
      const release = await catchIn(phase, gate(), registry, phase === 'soaking' ? { soak: SOAK } : {});
      onTestFinished(() => release.release());
      return { watched, watch: watch.current, release };
    },
    /** Lets the release and the lane each do something: a refused decision, and a pause. */
    async disturb({ sha, handle }: Caught) {
      const refusals = async () => (await statusOf(gate(), handle))?.refusals.length ?? -1;
      const before = await until('it answers', async () => {
        const count = await refusals();
        return count < 0 ? null : { count };
      });
      await handle.signal('approve', { ...ada, hold: 'h0-none' });
      await until('it has refused', async () => (await refusals()) > before.count);
      for (const command of ['pause', 'resume'] as const) await gate().sendToLane(command, ada);
      expect((await laneState(gate())).holder).toMatchObject({ sha });
    },
    /** The code of the workers that poll goes on with the release, where it was. */
    staysIn: (phase: Phase, { sha }: Caught) =>
      until(`it is ${phase}`, async () => (await gate().phaseOf(sha)) === phase, 60_000),
    /** Lets production take the build that is watched: the watch ends. */
    async endWatch(sha: string, watch: WorkflowHandle): Promise<WatchReport> {
      for (const tenant of production) tenant.run({ sha });
      return (await watch.result()) as WatchReport;
    },
  };
}

/** What the lane knows, besides the count of its messages. */
const known = ({ ledger, holder }: Awaited<ReturnType<typeof laneState>>) => ({ ledger, holder: holder?.runId });

describe('without worker versioning', () => {
  const { gate, begin, disturb, staysIn, endWatch, servedBy } = useCrossings('crossings');
  let stop: () => Promise<void> = async () => undefined;
  const start = {
    [OWN_VERSION]: () => startVersion(gate(), OWN_VERSION),
    [OTHER_VERSION]: () => startVersion(gate(), OTHER_VERSION, changedBundle(['ReleaseLane', 'CanaryRelease'], true)),
  };
  beforeAll(async () => {
    stop = await start[OWN_VERSION]();
    await gate().begin(newSha());
  });
  afterAll(() => stop());

  /** As docs/runbook/upgrade.md has it: the new workers beside the old ones, then these end. */
  async function crossTo(version: keyof typeof start, whileStopping: () => Promise<void> = async () => undefined) {
    const startedBeside = await start[version]();
    const stopping = stop();
    stop = startedBeside;
    await whileStopping();
    await stopping;
  }

  test.each(rows(PHASES, ['awaiting-canary']))(
    'a release in %s, its lane and a watch cross an upgrade and a downgrade, and each code goes on with them',
    async (phase) => {
      // A short history: it must not continue as new on the way.
      const { runId: last } = await laneHandle(gate()).describe();
      await gate().sendToLane('renew', ada);
      const lane = await until('it is renewed', async () => {
        const now = await laneHandle(gate()).describe();
        return now.runId === last ? null : now;
      });
      const { watched, watch, release } = await begin(phase);
      const { handle, digests } = release;
      const isMoving = phase === 'promoting';
      // A mover that was told to stop finishes its pair.
      await crossTo(OTHER_VERSION, async () => (isMoving ? await release.goOn() : undefined));
      const before = await laneState(gate());
      if (!isMoving) await disturb(release);
      await until('the watch is served', async () => (await servedBy(watch)).includes(OTHER_VERSION), 60_000);
      await crossTo(OWN_VERSION);
      if (!isMoving) {
        if (phase !== 'soaking') await staysIn(phase, release);
        expect(known(await laneState(gate()))).toEqual(known(before));
        await until('the watch is served', async () => (await servedBy(watch)).includes(OWN_VERSION), 60_000);
        expect(await endWatch(watched, watch)).toMatchObject({ outcome: 'followed' });
        await release.goOn();
        if (phase === 'awaiting-approval') await approveToTheEnd(gate(), handle);
      }
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      if (isMoving) expect(await watch.result()).toMatchObject({ outcome: 'superseded' });
      expect(await gate().latest()).toEqual(digests);
      const served = await servedBy(handle);
      expect([served[0], served.includes(OTHER_VERSION)]).toEqual([OWN_VERSION, true]);
      if (!isMoving) expect(served.at(-1)).toBe(OWN_VERSION);
      // It is the same run of the lane, in mid-life, which each code replayed.
      expect((await laneHandle(gate()).describe()).runId).toBe(lane.runId);
      expect(await servedBy(laneHandle(gate()), lane.runId)).toContain(OTHER_VERSION);
    },
    180_000,
  );

  fullTest(
    'a release that is queued behind one that waits for an approval crosses both, and acquires the lane after it',
    async () => {
      const first = await catchIn('awaiting-approval', gate(), registry);
      // The fleet stays on the first build: a soak that is over is watched still.
      const sha = newSha();
      const digests = await gate().publish(sha);
      const handle = await gate().release({ sha });
      const isQueued = () => until('it is queued', async () => (await gate().phaseOf(sha)) === 'queued', 60_000);
      await isQueued();
      for (const version of [OTHER_VERSION, OWN_VERSION] as const) {
        await crossTo(version);
        for (const command of ['pause', 'resume'] as const) await gate().sendToLane(command, ada);
        await isQueued();
        const { holder, queue } = await laneState(gate());
        expect([holder?.sha, queue.map((one) => one.sha)]).toEqual([first.sha, [sha]]);
      }
      // An approval in the moment in which no worker watches has no proof.
      await approveToTheEnd(gate(), first.handle);
      expect((await awaitRunEnd(first.handle)).report).toMatchObject({ outcome: 'promoted' });
      gate().deploy({ sha });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
      // It waits in an activity, so only its end needs a worker of its own.
      expect((await servedBy(handle)).at(-1)).toBe(OWN_VERSION);
      expect(await servedBy(laneHandle(gate()))).toContain(OTHER_VERSION);
    },
    180_000,
  );
});

const NAME = 'canary-crossings';
/** Two versions of a deployment. Their code does not replay each other's runs. */
const BUILDS = { '1.0': OWN_VERSION, '1.1': OTHER_VERSION } as const;
type Build = keyof typeof BUILDS;
const DIRECTIONS: [from: Build, to: Build][] = [
  ['1.0', '1.1'],
  ['1.1', '1.0'],
];

fullDescribe('with worker versioning', () => {
  const { gate, begin, disturb, staysIn, endWatch, servedBy } = useCrossings('crossings-versions');
  const stops: (() => Promise<void>)[] = [];
  const pinnedTo = async (workflowId: string) =>
    (await findRun(gate().client, workflowId))?.raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
  const ofDeployment = { namespace: 'default', deploymentName: NAME, identity: 'the test' };
  const setCurrent = (buildId: string) =>
    until(
      `${buildId} is current`,
      () =>
        gate()
          .client.workflowService.setWorkerDeploymentCurrentVersion({ ...ofDeployment, buildId })
          .then(
            () => true,
            () => false,
          ),
      60_000,
    );
  /** Makes a version current, and the lane go on with it, as docs/operations.md has it. */
  async function crossTo(build: Build) {
    await setCurrent(build);
    await gate().sendToLane('renew', ada);
    await until(`the lane is on ${build}`, async () => (await pinnedTo(releaseLaneId(gate().lane))) === build, 60_000);
  }
  beforeAll(async () => {
    for (const [buildId, version] of Object.entries(BUILDS)) {
      const code = version === OWN_VERSION ? undefined : changedBundle(['ReleaseLane', 'CanaryRelease']);
      stops.push(await startVersion(gate(), version, code, { deploymentName: NAME, buildId }));
    }
    await setCurrent('1.0');
    await gate().begin(newSha());
  }, 120_000);
  afterAll(async () => {
    await setCurrent('');
    await Promise.all(stops.map((stop) => stop()));
  });

  test.each(DIRECTIONS.flatMap(([from, to]) => PHASES.map((phase) => [phase, from, to] as const)))(
    'a release in %s keeps version %s while the lane and a watch go to %s, and back',
    async (phase, from, to) => {
      await crossTo(from);
      const { watched, watch, release } = await begin(phase);
      const { handle, digests } = release;
      const watchIsOn = (build: Build) =>
        until(`the watch is on ${build}`, async () => (await pinnedTo(watch.workflowId)) === build, 60_000);
      await watchIsOn(from);
      const before = await laneState(gate());
      await crossTo(to);
      expect(known(await laneState(gate()))).toEqual(known(before));
      // Its next shift is a run of the current version: it is not pinned to the one that it began with.
      await watchIsOn(to);
      await disturb(release);
      if (phase !== 'soaking') await staysIn(phase, release);
      await crossTo(from);
      await watchIsOn(from);
      expect(await endWatch(watched, watch)).toMatchObject({ outcome: 'followed' });
      await release.goOn();
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
      expect(await pinnedTo(handle.workflowId)).toBe(from);
      expect(await servedBy(handle)).toEqual([BUILDS[from]]);
    },
    180_000,
  );
});
