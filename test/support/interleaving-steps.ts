import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { moveLatestId, taskQueue } from '../../src/contract/ids.js';
import { parseRepository } from '../../src/contract/image.js';
import { type LaneCommand, laneCommandUpdate } from '../../src/contract/messages.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { queryStatus, sendDecision } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import type { Tenant } from '../../testbed/tenant.js';
import { canary as run } from './cli.js';
import { ada } from './decisions.js';
import type { Gate } from './gate.js';
import { endLane } from './lanes.js';
import { isPut } from './latest.js';
import type { Run } from './resets.js';
import { newSha } from './shas.js';

export interface Build {
  sha: string;
  digests: string[];
  isRed: boolean;
  /** Whether a person requested it for `:latest`, without regard to the canaries. */
  isNamed: boolean;
}

/** Time in which a canary did not answer, or was on another build, epoch in ms. */
export interface Away {
  tenant: string;
  from: number;
  to: number;
}

/** Fix of `:latest` by a person while the worker could not reach Temporal. */
export interface Fix {
  /** When the person began, and when `:latest` was there; epoch, ms. */
  from: number;
  at: number;
  build: Build;
  /** Whether `:latest` was elsewhere before. */
  hasMoved: boolean;
}

/** State of one seed: a gate, and everything that was started on it. */
export interface Stage {
  gate: Gate;
  registry: MemoryRegistry;
  /** Network between the worker and Temporal. */
  network: { cut(): void; heal(): void };
  aways: Away[];
  fixes: Fix[];
  builds: Build[];
  runs: Run[];
}

/** @param choice index into the available ones. */
type Act = (stage: Stage, choice: number) => Promise<unknown>;

const why = 'one of many';

export async function newBuild({ gate, builds }: Stage, isRed = false): Promise<Build> {
  const sha = newSha();
  const build = { sha, digests: await gate.publish(sha), isRed, isNamed: false };
  builds.push(build);
  return build;
}

const oneOf = <T>(list: T[], choice: number): T => list[choice % list.length] as T;

async function release({ gate, runs }: Stage, { sha }: Build, more: Partial<ReleaseInput> = {}): Promise<void> {
  runs.push(await gate.release({ ...more, sha }));
}

/** Sends a decision to each run that is held. */
export async function decideHeld({ gate, runs }: Stage, verb: 'approve' | 'retry' | 'abort'): Promise<void> {
  for (const { workflowId } of runs) {
    const hold = (await queryStatus(gate.client, workflowId))?.hold;
    if (hold) await sendDecision(gate.client, workflowId, verb, { ...ada, hold: hold.id });
  }
}

const lane =
  (command: LaneCommand): Act =>
  ({ gate }) =>
    gate.laneClient.update(laneCommandUpdate(command), ada);

const mover = ({ client, lane: own }: Gate) => client.workflow.getHandle(moveLatestId(own));

async function startMoverByHand({ gate, builds, runs }: Stage, choice: number): Promise<void> {
  const { sha, digests } = oneOf(builds, choice);
  const images = gate.repositories.map((name, index) => ({
    repository: parseRepository(`${gate.host}/${name}`),
    to: digests[index],
    from: null,
  })) as MoveInput['images'];
  const input: MoveInput = {
    kind: choice % 2 ? 'promotion' : 'rollback',
    sha: parseSha(sha),
    images,
    by: 'eve',
    reason: why,
  };
  const options = { workflowId: moveLatestId(gate.lane), taskQueue: taskQueue(gate.lane), args: [input] };
  runs.push(gate.keep(await gate.client.workflow.start('MoveLatest', options)));
}

/** Makes one canary go away for a while, and come back as it was. The next steps do not wait for that. */
const away =
  (leave: (tenant: Tenant) => Promise<void>): Act =>
  async ({ gate, aways }, choice) => {
    const tenant = oneOf(gate.tenants, choice);
    if (aways.some((one) => one.tenant === tenant.name && one.to > Date.now())) return;
    const one = { tenant: tenant.name, from: Date.now(), to: Number.POSITIVE_INFINITY };
    aways.push(one);
    await leave(tenant);
    void delay(1_500 + (choice % 4) * 700).then(async () => {
      one.to = Date.now();
      await tenant.recover();
    });
  };

/** The answers to the next two writes of the lane are lost, after they were carried out. */
const loseAnswers: Act = async ({ gate, registry }) => {
  let left = 2;
  const heal = registry.faults.add({
    match: (request) => left > 0 && gate.repositories.some((repository) => isPut(repository)(request)),
    async respond(_request, serve) {
      left -= 1;
      await serve();
      return 'drop' as const;
    },
  });
  void delay(20_000, undefined, { ref: false }).then(heal);
};

/** The worker cannot reach Temporal; a person moves `:latest` back without it, by crane or `--direct`; then it is back. */
const outage: Act = async ({ gate, network, builds, fixes }, choice) => {
  const history = (await gate.laneClient.state())?.ledger.history ?? [];
  const promoted = builds.filter(({ sha }) => history.some((move) => move.sha === sha));
  const build = oneOf(promoted.length > 0 ? promoted : builds, choice);
  network.cut();
  try {
    // A mover that lost contact no longer writes once its lease and its last PUT are over.
    await delay(OUTAGE_MS);
    if (choice % 3 === 0) return;
    build.isNamed = true;
    const { sha } = build;
    const from = Date.now();
    const before = await gate.latest();
    if (choice % 3 === 1) await gate.retag(sha, 'latest');
    else
      await run(['rollback', sha, '--reason', why, '--by', 'eve', '--direct', '--force'], {
        CANARY_LANE: gate.lane,
        CANARY_IMAGES: gate.env.CANARY_IMAGES ?? '',
      });
    fixes.push({ from, at: Date.now(), build, hasMoved: !isDeepStrictEqual(before, build.digests) });
  } finally {
    network.heal();
  }
};
const OUTAGE_MS = 5_000;

/** Steps: actions of people, and faults of machines. */
export const ACTS = {
  green: async (stage) => release(stage, await newBuild(stage)),
  'green with approval': async (stage) => release(stage, await newBuild(stage), { approval: 'required' }),
  red: async (stage) => release(stage, await newBuild(stage, true)),
  again: (stage, choice) => release(stage, oneOf(stage.builds, choice)),
  'again by force': (stage, choice) => release(stage, oneOf(stage.builds, choice), { force: true, reason: why }),
  'promote only': async (stage, choice) => {
    const build = choice % 2 ? await newBuild(stage) : oneOf(stage.builds, choice);
    build.isNamed = true;
    await release(stage, build, { promoteOnly: true, requestedBy: 'ada', reason: why });
  },
  'roll back': async (stage, choice) => {
    const { gate, builds, runs } = stage;
    const moves = (await gate.laneClient.state())?.ledger.history ?? [];
    const promoted = builds.filter(({ sha }) => moves.some((move) => move.sha === sha));
    const build = oneOf(promoted.length > 0 ? promoted : builds, choice);
    build.isNamed = true;
    runs.push(await gate.rollback({ sha: build.sha, reason: why, ...(choice % 2 === 0 && { force: true }) }));
  },
  pause: lane('pause'),
  resume: lane('resume'),
  unhold: lane('unhold'),
  adopt: ({ gate }) => gate.adopt(),
  approve: (stage) => decideHeld(stage, 'approve'),
  retry: (stage) => decideHeld(stage, 'retry'),
  abort: (stage) => decideHeld(stage, 'abort'),
  'terminate a run': async ({ runs }, choice) => (runs.length > 0 ? oneOf(runs, choice).terminate(why) : null),
  'cancel a run': async ({ runs }, choice) => (runs.length > 0 ? oneOf(runs, choice).cancel() : null),
  'terminate the mover': ({ gate }) => mover(gate).terminate(why),
  'start a mover by hand': startMoverByHand,
  'terminate the lane': ({ gate }) => endLane(gate),
  'restart the worker': async ({ gate }) => {
    await gate.stopWorker();
    await gate.startWorker();
  },
  'a canary falls silent': away((tenant) => tenant.crash()),
  'a canary leaves the build': away(async (tenant) => tenant.run({ sha: newSha() })),
  'lose answers': loseAnswers,
  outage,
} satisfies Record<string, Act>;

export type What = keyof typeof ACTS;
