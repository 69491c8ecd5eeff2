import { releaseLaneId } from '../../src/contract/ids.js';
import { type LaneCommand, laneCommandUpdate } from '../../src/contract/messages.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { parseReleaseInput, parseRollbackInput } from '../../src/domain/inputs.js';
import { sendDecision } from '../../src/temporal/runs.js';
import { startRelease, startRollback } from '../../src/temporal/start.js';
import type { Act } from '../plan.js';
import type { FaultProxy, Faults } from './fault-proxy.js';
import { adoptLatest, decideHeld, direct } from './people.js';
import { withRetries } from './servers.js';
import {
  ADA,
  byHand,
  type ChaosBuild,
  latestOf,
  publish,
  pushImages,
  STALE_MS,
  type Stage,
  type WorkerProcess,
} from './stage.js';
import { forgeLane, junk, startMover } from './strangers.js';
import { inMs, later, oneOf, type Play, TENANT_PLAYS } from './tenants.js';
import { ownersOf } from './writer.js';

const nextSequence = ({ builds }: Stage) => Math.max(0, ...builds.map(({ sequence }) => sequence)) + 10;

async function release(stage: Stage, build: ChaosBuild, more: Partial<ReleaseInput> = {}): Promise<void> {
  const input = parseReleaseInput({ ...more, sha: build.sha, sequence: build.sequence });
  if (more.promoteOnly) stage.asked.push({ at: Date.now(), type: 'CanaryRelease', sha: build.sha });
  const run = await startRelease(stage.servers.client, stage.lane, input);
  stage.runs.push(run);
  if (run.attached) throw new Error('does not apply: the build is being released');
}

const releaseNew =
  (more: Partial<ReleaseInput> = {}, isRed = false): Play =>
  async (stage) =>
    release(stage, await publish(stage, { sequence: nextSequence(stage), isRed }), more);

const decide =
  (verb: 'approve' | 'retry'): Play =>
  async (stage) => {
    if ((await decideHeld(stage, verb)) === 0) throw new Error(`does not apply: no run took ${verb}`);
  };

/** Aborts what is held; if nothing is, the last run. */
async function abort(stage: Stage): Promise<void> {
  if ((await decideHeld(stage, 'abort')) > 0) return;
  const { workflowId } = oneOf(stage.runs.slice(-1), 0);
  await sendDecision(stage.servers.client, workflowId, 'abort', ADA);
}

/** Releases an existing build once more, automatically; one that was rolled back from, if there is one. */
async function releaseAgain(stage: Stage, choice: number): Promise<void> {
  const { knownBad = [] } = (await stage.laneClient.state().catch(() => null))?.ledger ?? {};
  const bad = stage.builds.filter(({ sha }) => knownBad.some((one) => sha.startsWith(one.sha)));
  await release(stage, oneOf(bad.length > 0 ? bad : stage.builds.slice(1), choice));
}

const command =
  (name: LaneCommand): Play =>
  ({ laneClient }) =>
    laneClient.update(laneCommandUpdate(name), ADA);

/** A worker is killed, and another one takes its place. */
async function killWorker(stage: Stage, choice: number): Promise<void> {
  const worker = running(stage, choice);
  worker.isGone = true;
  await worker.kill('SIGKILL');
  later(stage, inMs(choice, 500, 3_000), () => stage.startWorker());
}

const running = ({ workers }: Stage, choice: number): WorkerProcess =>
  oneOf(
    workers.filter(({ isGone }) => !isGone),
    choice,
  );

function freeze(stage: Stage, worker: WorkerProcess, ms: number): void {
  if (worker.isGone) return;
  const resume = () => {
    if (!worker.isGone) process.kill(worker.pid, 'SIGCONT');
  };
  process.kill(worker.pid, 'SIGSTOP');
  later(stage, ms, resume);
}

/** The next worker that writes `:latest` is frozen right there, often with a refused write that it would send again. */
async function freezeWriter(stage: Stage, choice: number): Promise<() => boolean> {
  const { proxy } = stage.servers;
  let isFrozen = false;
  proxy.onWrite((port) => {
    isFrozen = true;
    proxy.onWrite(() => true);
    for (const worker of ownersOf(port, stage.workers)) freeze(stage, worker, inMs(choice * 17, 1_000, 26_000));
    return choice % 3 === 0;
  });
  return () => isFrozen;
}

/** Sets a fault of the way to the registry. */
const fault =
  (set: (stage: Stage, choice: number) => Parameters<FaultProxy['set']>[0]): Play =>
  async (stage, choice) => {
    const { proxy } = stage.servers;
    const wanted = set(stage, choice);
    const [name] = Object.keys(wanted) as (keyof Faults)[];
    const before = name ? proxy.hits(name) : 0;
    proxy.set(wanted);
    return () => name !== undefined && proxy.hits(name) > before;
  };
const inFuture = (ms: number) => Date.now() + ms;

/** Builds that are not at `:latest`. */
async function notLive(stage: Stage): Promise<ChaosBuild[]> {
  const [latest] = await latestOf(stage);
  return stage.builds.filter(({ digests }) => !Object.values(digests).some((pushed) => pushed.includes(latest ?? '')));
}

/** What each act of a plan does. One that does not apply now throws, and the run goes on. */
export const PLAYS: Record<Act, Play> = {
  green: releaseNew(),
  red: releaseNew({}, true),
  // Mostly the newest build, which may be on its way.
  'push again': async (stage, choice) =>
    pushImages(stage, oneOf(stage.builds.slice(choice % 3 === 0 ? 1 : -1), choice), ['linux/amd64']),
  older: async (stage) => release(stage, await publish(stage, { sequence: Math.max(1, nextSequence(stage) - 15) })),
  'release again': releaseAgain,
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
  approve: decide('approve'),
  abort,
  retry: decide('retry'),
  pause: command('pause'),
  resume: command('resume'),
  adopt: adoptLatest,
  quarantine: async ({ laneClient, tenants }, choice) => {
    const until = new Date(inFuture(inMs(choice * 31, 5_000, 30_000))).toISOString();
    return laneClient.update(laneCommandUpdate('quarantine'), { ...ADA, tenant: oneOf(tenants, choice).name, until });
  },
  'roll back': async (stage, choice) => {
    // Mostly to a build that is not live.
    const { sha } = oneOf(choice % 4 === 0 ? stage.builds : await notLive(stage), choice);
    const input = parseRollbackInput({
      sha,
      requestedBy: 'ada',
      reason: 'chaos',
      ...(choice % 3 === 0 && { force: true }),
    });
    stage.asked.push({ at: Date.now(), type: 'Rollback', sha });
    stage.runs.push(await startRollback(stage.servers.client, stage.lane, input));
  },
  crane: async (stage, choice) => {
    // Neither where `:latest` is nor what is on its way there; and one that the gate has never seen, if there is no other.
    const others = (await notLive(stage)).filter((build) => build !== stage.builds.at(-1));
    const isNew = others.length === 0 || choice % 4 === 0;
    const { sha } = isNew ? await publish(stage, { sequence: nextSequence(stage) }) : oneOf(others, choice);
    await byHand(stage, sha, 'latest');
  },
  direct,
  'kill a worker': killWorker,
  'freeze a worker': async (stage, choice) => freeze(stage, running(stage, choice), inMs(choice * 17, 1_000, 16_000)),
  'freeze the writer': freezeWriter,
  'kill the server': ({ servers }, choice) => servers.killTemporal(inMs(choice, 200, 3_000)),
  'clock jumps': async (stage, choice) => process.kill(running(stage, choice).pid, 'SIGUSR2'),
  'refuse writes': fault((_, choice) => ({
    refuse: { until: inFuture(inMs(choice * 13, 500, 6_000)), status: oneOf([429, 500, 503, 502], choice) },
  })),
  'refuse one image': fault(({ repositories }, choice) => ({
    image: {
      until: inFuture(inMs(choice * 13, 5_000, 20_000)),
      repository: oneOf(repositories, choice),
      status: oneOf([403, 500], Math.floor(choice / 2)),
    },
  })),
  'slow down': fault((_, choice) => ({ slow: { until: inFuture(6_000), ms: inMs(choice * 3, 100, 1_500) } })),
  'cut after the write': fault((_, choice) => ({ cut: 1 + (choice % 3) })),
  'accept only': fault((_, choice) => ({ acceptOnly: 1 + (choice % 3) })),
  hang: fault((_, choice) => ({ hang: { until: inFuture(inMs(choice * 13, 1_000, 8_000)) } })),
  'stale reads': fault((_, choice) => ({ stale: { until: inFuture(15_000), ms: inMs(choice * 3, 300, STALE_MS) } })),
  'split the pair': fault(({ repositories: [image = ''] }) => ({
    split: { until: inFuture(60_000), repository: image },
  })),
  ...TENANT_PLAYS,
  'junk signals': junk,
  'terminate the lane': ({ servers, lane }) =>
    servers.client.workflow.getHandle(releaseLaneId(lane)).terminate('chaos'),
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
