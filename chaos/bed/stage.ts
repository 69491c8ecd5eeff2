import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { type Lane, parseLane } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import { type LaneClient, laneClient } from '../../src/temporal/lane-client.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import type { Asked, Direct, Push, TenantState } from '../checker/evidence.js';
import { jumpOf, type RedWay } from '../choices.js';
import type { Plan } from '../plan.js';
import { waitsOf } from '../waits.js';
import { followStates, writeFleet } from './fleets.js';
import { logsOf, type WorkerHost } from './hosts.js';
import { type Servers, withRetries } from './servers.js';

/** Durations of the gate, in milliseconds. */
export const SOAK_MS = 4_000;
export const PROBE_MS = 300;
/** Time without an interruption after which a watch of production ends, and time for which a tenant of it may be silent, in milliseconds. */
const BAKE_MS = 3_000;
export const GRACE_MS = 1_000;
/** Longest delay of a request to the registry, in milliseconds. */
export const SLOW_MS = 1_500;

export interface ChaosBuild {
  sha: string;
  sequence: number;
  digests: Record<string, string[]>;
  pushes: Push[];
  isRed: boolean;
  /** How it fails its smoke. */
  red?: RedWay;
}

/** One run: a lane with its images, its tenants and its workers, and what was started on it. */
export interface Stage {
  servers: Servers;
  lane: Lane;
  laneClient: LaneClient;
  repositories: string[];
  tenants: Tenant[];
  /** Tenants that follow `:latest`. */
  production: Tenant[];
  tenantStates: TenantState[];
  workers: WorkerProcess[];
  builds: ChaosBuild[];
  runs: WorkflowHandle[];
  /** What people asked for, and what they did past Temporal. */
  asked: Asked[];
  direct: Direct[];
  autoRollback: boolean;
  /** The plan has nothing but good builds, and a fleet. */
  isCalm: boolean;
  /** Id of the last hold that was seen of each run. */
  holds: Map<string, string>;
  env: Record<string, string>;
  /** Longest lag of reads, and longest delay of a request, that the plan can bring, in milliseconds. */
  staleMs: number;
  slowMs: number;
  /** Time by which the jumps of the plan set a clock wrong at most, in milliseconds. */
  jumpMs: number;
  /** Every secret that the gate was given. */
  secrets: string[];
  /** Faults that end by a timer. */
  pending: Set<Promise<unknown>>;
  /** What the command line wrote. */
  printed: string[];
  /** Texts that the workers and the command line wrote. */
  logs(): { name: string; text: string }[];
  startWorker(): Promise<WorkerProcess>;
  stop(): Promise<void>;
}

export interface WorkerProcess extends Pick<WorkerHost, 'pid' | 'kill'> {
  host: WorkerHost;
  name: string;
  isGone: boolean;
}

export const ADA = { by: 'ada', reason: 'chaos' };

/** Sets a gate up: an earlier build is at `:latest`, and adopted.
 * @param dist compiled gate whose workers run */
export async function setStage(servers: Servers, plan: Plan, dist: string): Promise<Stage> {
  const lane = parseLane(`c${plan.seed.toString(36)}${Date.now().toString(36).slice(-4)}`);
  const repositories = [`${lane}/platform`, `${lane}/platform-tenant`];
  // No part of it may be a part of a name: the checker looks for parts.
  const token = createHash('sha256').update(lane).digest('base64url');
  const [platform = ''] = repositories;
  const pull = { registry: servers.proxy.person, repository: platform, tag: 'canary', cycleMs: 250, restartMs: 100 };
  const tenants = await Promise.all(
    Array.from({ length: plan.tenants }, (_, index) => startTenant({ name: `canary-${index + 1}`, token, pull })),
  );
  const production = await Promise.all(
    Array.from({ length: tenants.length > 0 ? plan.production : 0 }, (_, index) =>
      startTenant({ name: `production-${index + 1}`, token, pull: { ...pull, tag: 'latest' } }),
    ),
  );
  const { waits, staleMs } = waitsOf(plan.hasRealWaits);
  const folder = join(servers.folder, lane);
  mkdirSync(folder);
  const env = {
    TEMPORAL_ADDRESS: servers.address,
    CANARY_LANE: lane,
    CANARY_IMAGES: repositories.map((name) => `${servers.proxy.gate}/${name}`).join(','),
    ...(tenants.length > 0 && {
      CANARY_TENANT_URLS: tenants.map(({ url }) => url).join(','),
      CANARY_ADMIN_TOKENS: tenants.map(() => token).join(','),
      CANARY_TAG: 'canary',
    }),
    ...(production.length > 0 && { CANARY_PROD_FLEET_FILE: writeFleet(`${folder}-fleet`, token, production) }),
    ...(plan.autoRollback && { CANARY_AUTO_ROLLBACK: '1' }),
    CANARY_BAKE: `${BAKE_MS}ms`,
    CANARY_RESTART_GRACE: `${GRACE_MS}ms`,
    CANARY_UNSAFE: 'true',
    CANARY_SOAK: `${SOAK_MS}ms`,
    CANARY_UPDATE_CYCLE: '0',
    CANARY_POLL: '100ms',
    CANARY_UPDATE_TIMEOUT: '10s',
    CANARY_SOAK_PROBE: `${PROBE_MS}ms`,
    CANARY_HOLD_TIMEOUT: '60s',
    CANARY_HOLD_GRACE: '1s',
    CHAOS_WAITS: JSON.stringify(waits),
  };
  // One run in eight has only new processes, which have served no other run.
  const isNew = plan.seed % 8 === 0;
  let workers = 0;
  const following = followStates([...tenants, ...production]);
  const stage: Stage = {
    servers,
    lane,
    laneClient: laneClient(servers.client, lane),
    repositories,
    tenants,
    production,
    tenantStates: following.states,
    workers: [],
    builds: [],
    runs: [],
    asked: [],
    direct: [],
    autoRollback: plan.autoRollback,
    isCalm: plan.tenants > 0 && plan.steps.every(({ act }) => act === 'green'),
    holds: new Map(),
    env,
    staleMs: plan.steps.some(({ act }) => act === 'stale reads') ? staleMs : 0,
    slowMs: plan.steps.some(({ act }) => act === 'slow down') ? SLOW_MS : 0,
    jumpMs: plan.steps.reduce(
      (sum, { act, choice }) => sum + (act === 'clock jumps' ? Math.abs(jumpOf(choice)) : 0),
      0,
    ),
    secrets: [token],
    pending: new Set(),
    printed: [],
    logs: () => [
      ...logsOf(folder),
      ...logsOf(servers.folder, 'host-'),
      ...stage.printed.map((text, index) => ({ name: `output of --direct ${index + 1}`, text })),
    ],
    async startWorker() {
      const host = await servers.hosts.take(dist, isNew);
      workers += 1;
      const name = `worker-${workers}`;
      await host.serve({
        env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
        logFile: join(folder, name),
      });
      const worker = { host, pid: host.pid, kill: host.kill, name, isGone: false };
      stage.workers.push(worker);
      return worker;
    },
    async stop() {
      const left = stage.workers.filter(({ isGone }) => !isGone);
      await Promise.all(left.map(({ host }) => (isNew ? host.kill() : servers.hosts.giveBack(dist, host))));
      await Promise.all([...tenants, ...production].map((tenant) => tenant.stop()));
      following.stop();
    },
  };
  try {
    const old = await publish(stage, { sequence: 0 });
    await byHand(stage, old.sha, 'latest');
    await byHand(stage, old.sha, 'canary');
    await Promise.all(Array.from({ length: plan.workers }, () => stage.startWorker()));
    await withRetries(() => adopt(stage, old.sha));
    await withRetries(() => stage.laneClient.update(laneCommandUpdate('unhold'), ADA));
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}

/** Pushes both images of a new build. */
export async function publish(stage: Stage, { sequence, red }: { sequence: number; red?: RedWay }) {
  const number = stage.builds.length + 1;
  const sha = `${number.toString(16).padStart(3, '0')}${stage.lane.replace(/[^0-9a-f]/g, '')}`.padEnd(40, 'd');
  const isRed = red !== undefined;
  const build: ChaosBuild = { sha, sequence, isRed, digests: {}, pushes: [], ...(red && { red }) };
  stage.builds.push(build);
  await pushImages(stage, build);
  return build;
}

/** Pushes the images of a build, the first time or again with another content. */
export async function pushImages({ servers, repositories }: Stage, build: ChaosBuild, platforms?: string[]) {
  for (const repository of repositories) {
    const spec = {
      registry: servers.proxy.person,
      repository,
      sha: build.sha,
      tag: `staging-${build.sha.slice(0, 7)}`,
    };
    const { digest } = await pushBuild({
      ...spec,
      ...(build.red && { misbehave: build.red.misbehave }),
      ...(platforms && { platforms }),
    });
    build.digests[repository] = [...(build.digests[repository] ?? []), digest];
    build.pushes.push({ at: Date.now(), repository, digest });
  }
}

/** Points a tag of images, of all of them unless some are named, at a build, as a person with crane does. */
export async function byHand(stage: Stage, sha: string, to: string, repositories = stage.repositories): Promise<void> {
  const { servers } = stage;
  for (const repository of repositories)
    await retag({ registry: servers.proxy.person, repository, from: `staging-${sha.slice(0, 7)}`, to });
}

/** Digest of `:latest` of each image. */
export const latestOf = ({ servers, repositories }: Stage) =>
  Promise.all(repositories.map((repository) => tagDigest(servers.proxy.person, repository, 'latest')));

/** Adopts `:latest` as it is. */
export async function adopt(stage: Stage, sha?: string): Promise<void> {
  const latest = await latestOf(stage);
  const images = stage.repositories.map((name, index) => ({
    repository: `${stage.servers.proxy.gate}/${name}`,
    digest: latest[index] ?? null,
  }));
  await stage.laneClient.update(laneCommandUpdate('adopt'), { ...ADA, images, ...(sha && { sha }) });
}
