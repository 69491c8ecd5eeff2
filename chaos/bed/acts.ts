import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LaneCommand, laneCommandUpdate } from '../../src/contract/messages.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { parseReleaseInput, parseRollbackInput } from '../../src/domain/inputs.js';
import { queryStatus, sendDecision } from '../../src/temporal/runs.js';
import { startRelease, startRollback } from '../../src/temporal/start.js';
import { repositoryRoot } from '../../testbed/tools.js';
import type { Act } from '../plan.js';
import {
  ADA,
  adopt,
  byHand,
  type ChaosBuild,
  publish,
  pushImages,
  STALE_MS,
  type Stage,
  type WorkerProcess,
  withRetries,
} from './stage.js';
import { forgeLane, junk, startMover } from './strangers.js';
import { inMs, later, oneOf, type Play, TENANT_PLAYS } from './tenants.js';
import { ownersOf } from './writer.js';

const nextSequence = ({ builds }: Stage) => Math.max(0, ...builds.map(({ sequence }) => sequence)) + 10;

async function release(stage: Stage, build: ChaosBuild, more: Partial<ReleaseInput> = {}): Promise<void> {
  const input = parseReleaseInput({ ...more, sha: build.sha, sequence: build.sequence });
  stage.runs.push(await startRelease(stage.servers.client, stage.lane, input));
}

const releaseNew =
  (more: Partial<ReleaseInput> = {}, isRed = false): Play =>
  async (stage) =>
    release(stage, await publish(stage, { sequence: nextSequence(stage), isRed }), more);

/** Sends a decision to each run that is held.
 * @param open ids of the runs that may be: all others have ended */
export async function decideHeld(
  { servers, runs }: Stage,
  verb: 'approve' | 'retry' | 'abort',
  open?: ReadonlySet<string>,
): Promise<void> {
  await Promise.all(
    runs
      .filter(({ workflowId }) => open?.has(workflowId) ?? true)
      .map(async ({ workflowId }) => {
        const hold = (await queryStatus(servers.client, workflowId))?.hold;
        if (hold)
          await sendDecision(servers.client, workflowId, verb, { ...ADA, hold: hold.id }).catch(() => undefined);
      }),
  );
}

const command =
  (name: LaneCommand): Play =>
  ({ laneClient }) =>
    laneClient.update(laneCommandUpdate(name), ADA);

/** A worker is killed, and another one takes its place. */
async function killWorker(stage: Stage, choice: number): Promise<void> {
  const worker = running(stage, choice);
  if (!worker) return;
  worker.isGone = true;
  await worker.kill('SIGKILL');
  later(stage, inMs(choice, 500, 3_000), () => stage.startWorker());
}

const running = ({ workers }: Stage, choice: number): WorkerProcess | undefined =>
  oneOf(
    workers.filter(({ isGone }) => !isGone),
    choice,
  );

function freeze(stage: Stage, worker: WorkerProcess | undefined, ms: number): void {
  if (!worker || worker.isGone) return;
  const resume = () => {
    if (!worker.isGone) process.kill(worker.pid, 'SIGCONT');
  };
  process.kill(worker.pid, 'SIGSTOP');
  later(stage, ms, resume);
}

/** The next worker that writes `:latest` is frozen right there, often with a refused write that it would send again. */
async function freezeWriter(stage: Stage, choice: number): Promise<void> {
  const { proxy } = stage.servers;
  proxy.onWrite((port) => {
    proxy.onWrite(() => true);
    for (const worker of ownersOf(port, stage.workers)) freeze(stage, worker, inMs(choice * 17, 1_000, 26_000));
    return choice % 3 === 0;
  });
}

async function direct(stage: Stage, choice: number): Promise<void> {
  const { sha } = oneOf(stage.builds, choice);
  const args = ['rollback', sha, '--direct', '--force', '--reason', 'chaos', '--by', 'ada'];
  await promisify(execFile)(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TEMPORAL_ADDRESS: stage.servers.address,
      CANARY_LANE: stage.lane,
      CANARY_IMAGES: stage.repositories.map((name) => `${stage.servers.proxy.person}/${name}`).join(','),
    },
    timeout: 60_000,
  });
}

/** What each act of a plan does. One that does not apply now throws, and the run goes on. */
export const PLAYS: Record<Act, Play> = {
  green: releaseNew(),
  red: releaseNew({}, true),
  'push again': async (stage, choice) => pushImages(stage, oneOf(stage.builds.slice(1), choice), ['linux/amd64']),
  older: async (stage) => release(stage, await publish(stage, { sequence: Math.max(1, nextSequence(stage) - 15) })),
  burst: async (stage) => {
    const builds: ChaosBuild[] = [];
    for (let index = 0; index < 3; index += 1) builds.push(await publish(stage, { sequence: nextSequence(stage) }));
    await Promise.all(builds.map((build) => release(stage, build)));
  },
  approval: releaseNew({ approval: 'required' }),
  'promote only': async (stage, choice) => {
    const build =
      choice % 2 === 0 ? await publish(stage, { sequence: nextSequence(stage) }) : oneOf(stage.builds, choice);
    await release(stage, build, { promoteOnly: true, requestedBy: 'ada', reason: 'chaos' });
  },
  approve: (stage) => decideHeld(stage, 'approve'),
  abort: (stage) => decideHeld(stage, 'abort'),
  retry: (stage) => decideHeld(stage, 'retry'),
  pause: command('pause'),
  resume: command('resume'),
  adopt: (stage) => adopt(stage),
  'roll back': async (stage, choice) => {
    const { sha } = oneOf(stage.builds, choice);
    const input = parseRollbackInput({
      sha,
      requestedBy: 'ada',
      reason: 'chaos',
      ...(choice % 3 === 0 && { force: true }),
    });
    stage.runs.push(await startRollback(stage.servers.client, stage.lane, input));
  },
  crane: (stage, choice) => byHand(stage, oneOf(stage.builds, choice).sha, 'latest'),
  direct,
  'kill a worker': killWorker,
  'freeze a worker': async (stage, choice) => freeze(stage, running(stage, choice), inMs(choice * 17, 1_000, 16_000)),
  'freeze the writer': freezeWriter,
  'kill the server': ({ servers }, choice) => servers.killTemporal(inMs(choice, 200, 3_000)),
  'clock jumps': async (stage, choice) => {
    const worker = running(stage, choice);
    if (worker) process.kill(worker.pid, 'SIGUSR2');
  },
  'refuse writes': async ({ servers }, choice) =>
    servers.proxy.set({
      refuse: { until: Date.now() + inMs(choice * 13, 500, 6_000), status: oneOf([429, 500, 503, 502], choice) },
    }),
  'refuse one image': async ({ servers, repositories }, choice) =>
    servers.proxy.set({
      image: {
        until: Date.now() + inMs(choice * 13, 5_000, 20_000),
        repository: oneOf(repositories, choice),
        status: oneOf([403, 500], Math.floor(choice / 2)),
      },
    }),
  'slow down': async ({ servers }, choice) =>
    servers.proxy.set({ slow: { until: Date.now() + 6_000, ms: inMs(choice * 3, 100, 1_500) } }),
  'cut after the write': async ({ servers }, choice) => servers.proxy.set({ cut: 1 + (choice % 3) }),
  'accept only': async ({ servers }, choice) => servers.proxy.set({ acceptOnly: 1 + (choice % 3) }),
  hang: async ({ servers }, choice) =>
    servers.proxy.set({ hang: { until: Date.now() + inMs(choice * 13, 1_000, 8_000) } }),
  'stale reads': async ({ servers }, choice) =>
    servers.proxy.set({ stale: { until: Date.now() + 15_000, ms: inMs(choice * 3, 300, STALE_MS) } }),
  ...TENANT_PLAYS,
  'junk signals': junk,
  'forge a lane': forgeLane,
  'start a mover': startMover,
};

/** Lets a run come to its end: faults are over, workers and servers run, every hold is decided. */
export async function healAll(stage: Stage): Promise<void> {
  const { servers, pending, workers } = stage;
  servers.proxy.heal();
  servers.proxy.onWrite(() => true);
  while (pending.size > 0) await Promise.all(pending);
  await servers.startTemporal();
  if (workers.every(({ isGone }) => isGone)) await withRetries(() => stage.startWorker());
}
