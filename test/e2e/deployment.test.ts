import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import { workersOn } from '../../src/temporal/pollers.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { tool } from '../../testbed/tools.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { arrive, laneState } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const NAME = 'canary-deployed';
const gate = useGate('deployed', () => ({ isIdle: true, env: { CANARY_UPDATE_TIMEOUT: '5m' } }));

const workers: ReturnType<typeof spawned>[] = [];
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await temporal('set-current-version', '--unversioned').catch(() => undefined);
  await gate().startWorker();
});

/** A worker of one version, which polls. */
async function startVersion(buildId: string) {
  const env = { ...gate().env, TEMPORAL_ADDRESS: temporalAddress(), CANARY_HTTP_ADDR: '127.0.0.1:0' };
  const worker = spawned(['worker', '--deployment', NAME, '--build-id', buildId], env);
  workers.push(worker);
  await until('it polls', () => worker.said().includes('"worker.started"'), 60_000);
  return worker;
}

const run = promisify(execFile);
/** Temporal's own command, as docs/operations.md has it. */
async function temporal(verb: string, ...args: string[]) {
  const { path } = tool('temporal') as { path: string };
  const all = ['worker', 'deployment', verb, '--deployment-name', NAME, ...args, '--address', temporalAddress()];
  return (await run(path, [...all, ...(verb.startsWith('set') ? ['--yes'] : [])])).stdout;
}
/** The server learns of a version from its pollers. */
const setCurrent = (buildId: string) =>
  until(
    `${buildId} is current`,
    () =>
      temporal('set-current-version', '--build-id', buildId).then(
        () => true,
        () => false,
      ),
    60_000,
  );

const lane = () => releaseLaneId(gate().lane);
/** Build id that a run is pinned to. */
async function pinnedTo(workflowId: string): Promise<string | undefined> {
  const { raw } = await gate().client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
}
const laneOn = (buildId: string) =>
  until(`the lane is on ${buildId}`, async () => (await pinnedTo(lane())) === buildId, 60_000);
const renew = async () => {
  const { code, err } = await canary(['lane', 'renew', '--reason', 'another version is current', '--yes'], gate().env);
  expect({ code, err }).toEqual({ code: 0, err: [] });
};

fullTest(
  'with two versions of workers, a release keeps the one that it began with, and the lane follows the current one, and back',
  async () => {
    await startVersion('1.0');
    const early = await gate().release({ sha: newSha() });
    const needs = `${early.workflowId} needs a worker without --deployment, for no version is current, and none polls`;
    const fix = `temporal worker deployment set-current-version --deployment-name ${NAME} --build-id 1.0`;
    for (const verb of ['status', 'doctor'])
      await until(
        `${verb} tells what it waits for`,
        async () => {
          const out = (await canary([verb], gate().env)).out.join('\n');
          return out.includes(needs) && out.includes(fix);
        },
        60_000,
      );
    await setCurrent('1.0');
    await early.signal('abort', { by: 'ada', reason: 'too early' });
    expect((await awaitRunEnd(early)).report).toMatchObject({ outcome: 'CanaryAborted' });
    await gate().begin(newSha());
    await laneOn('1.0');
    expect(await workersOn(gate().client, taskQueue(gate().lane))).toHaveLength(1);
    const first = await arrive(gate());
    await until('it waits', async () => (await gate().phaseOf(first.sha)) === 'awaiting-canary', 60_000);

    await startVersion('1.1');
    await setCurrent('1.1');
    const before = await laneState(gate());
    await renew();
    await laneOn('1.1');
    expect(await laneState(gate())).toEqual(before);
    const second = await arrive(gate());
    await until('it waits', async () => (await laneState(gate())).queue.some(({ sha }) => sha === second.sha), 60_000);

    gate().deploy({ sha: first.sha });
    expect((await awaitRunEnd(first.handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await pinnedTo(first.handle.workflowId)).toBe('1.0');

    // The new version goes back, and what it began, it finishes.
    await setCurrent('1.0');
    await renew();
    await laneOn('1.0');
    gate().deploy({ sha: second.sha });
    expect((await awaitRunEnd(second.handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await pinnedTo(second.handle.workflowId)).toBe('1.1');
    expect(await gate().latest()).toEqual(second.digests);
  },
  240_000,
);

fullTest(
  'a version that is ramped to all runs gets the next release',
  async () => {
    await temporal('set-ramping-version', '--build-id', '1.1', '--percentage', '100');
    const { sha } = await gate().greenBuild();
    const handle = await gate().release({ sha });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await pinnedTo(handle.workflowId)).toBe('1.1');
    await temporal('set-ramping-version', '--build-id', '1.1', '--delete');
  },
  120_000,
);

test.each([[['--deployment', 'canary']], [['--build-id', '1.0']], [['--deployment', 'a:b', '--build-id', '1.0']]])(
  'a worker refuses %s',
  async (args) => {
    expect((await canary(['worker', ...args], gate().env)).code).toBe(2);
  },
);
