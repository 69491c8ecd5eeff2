import { releaseLaneId } from '../../src/contract/ids.js';
import { type LaneCommand, laneCommandUpdate } from '../../src/contract/messages.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { parseReleaseInput, parseRollbackInput } from '../../src/domain/inputs.js';
import { sendDecision } from '../../src/temporal/runs.js';
import { startRelease, startRollback } from '../../src/temporal/start.js';
import { craneOf, inMs, redOf } from '../choices.js';
import type { Act } from '../steps.js';
import { inFuture, MACHINE_PLAYS } from './machines.js';
import { adoptLatest, decideHeld, direct } from './people.js';
import { withRetries } from './servers.js';
import { ADA, byHand, type ChaosBuild, latestOf, publish, pushImages, type Stage } from './stage.js';
import { forgeLane, junk, startMover } from './strangers.js';
import { oneOf, type Play, TENANT_PLAYS } from './tenants.js';

const nextSequence = ({ builds }: Stage) => Math.max(0, ...builds.map(({ sequence }) => sequence)) + 10;

async function release(stage: Stage, build: ChaosBuild, more: Partial<ReleaseInput> = {}): Promise<void> {
  const input = parseReleaseInput({ ...more, sha: build.sha, sequence: build.sequence });
  if (more.promoteOnly) stage.asked.push({ at: Date.now(), type: 'CanaryRelease', sha: build.sha });
  const run = await startRelease(stage.servers.client, stage.lane, input);
  stage.runs.push(run);
  if (run.attached) throw new Error('does not apply: the build is being released');
}

const releaseNew =
  (more: Partial<ReleaseInput> = {}): Play =>
  async (stage) =>
    release(stage, await publish(stage, { sequence: nextSequence(stage) }), more);

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

/** Builds that are not at `:latest`. */
async function notLive(stage: Stage): Promise<ChaosBuild[]> {
  const [latest] = await latestOf(stage);
  return stage.builds.filter(({ digests }) => !Object.values(digests).some((pushed) => pushed.includes(latest ?? '')));
}

/** What each act of a plan does. One that does not apply now throws, and the run goes on. */
export const PLAYS: Record<Act, Play> = {
  green: releaseNew(),
  red: async (stage, choice) =>
    release(stage, await publish(stage, { sequence: nextSequence(stage), red: redOf(choice) })),
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
    const which = craneOf(choice);
    const { repositories } = stage;
    await byHand(
      stage,
      sha,
      'latest',
      which === 'all' ? repositories : [oneOf(repositories, which === 'first' ? 0 : 1)],
    );
  },
  direct,
  ...MACHINE_PLAYS,
  ...TENANT_PLAYS,
  junk,
  'terminate the lane': ({ servers, lane }) =>
    servers.client.workflow.getHandle(releaseLaneId(lane)).terminate('chaos'),
  'forge a lane': forgeLane,
  'start a mover': startMover,
};

/** Lets a run come to its end: faults are over, workers and servers run, every hold is decided.
 * @param withLag whether a lag of reads is over too: it ends at its time */
export async function healAll(stage: Stage, withLag = true): Promise<void> {
  const { servers, pending, workers } = stage;
  servers.proxy.heal(withLag);
  servers.proxy.onWrite(() => true);
  while (pending.size > 0) await Promise.all(pending);
  await servers.startTemporal();
  if (workers.every(({ isGone }) => isGone)) await withRetries(() => stage.startWorker());
}
