import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { tenantBuildsSignal } from '../src/contract/messages.js';
import type { Plan, PlannedTenant, TenantBuild } from '../src/contract/release.js';
import { type Sha, sameBuild } from '../src/contract/sha.js';
import type { TenantSmoke } from '../src/contract/tenants/check.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import type { Suite } from '../src/smoke/suite.js';
import { askBuilds, tellsBuild } from '../src/tenants/ask-build.js';
import { type Fleet, FleetError, type FleetSource } from '../src/tenants/fleet.js';
import type { ActivityDependencies } from './dependencies.js';
import { retryMissingSecret, SecretMissing } from './failures.js';
import { heartbeatSleep, throttledSignal, withHeartbeat } from './heartbeat.js';

/** Builds that the tenants report, and whether all report the expected one. */
export interface FleetBuilds {
  builds: TenantBuild[];
  all: boolean;
}

/** Result of a watch over a soak: a tenant left the build, or a check failed twice in a row. */
export type WatchEnd = { builds: TenantBuild[] } | { red: TenantSmoke[] };

type TenantDependencies = Pick<ActivityDependencies, 'config' | 'suite' | 'client' | 'stopping'>;

/** Activities that talk to canary tenants. */
export function createTenantActivities({ config, suite: loaded, client, stopping }: TenantDependencies) {
  /** @throws on a worker whose suite cannot be used: the activity is retried, on another one. */
  const requireSuite = (): Suite => {
    if (loaded === null) throw new Error(`${config.smokeSuite} cannot be used: this worker tests nothing`);
    return loaded;
  };
  const sleepWithHeartbeat = (ms: number, details: unknown) => heartbeatSleep(stopping, ms, details);
  const smoke = async (tenant: PlannedTenant, checks: Suite) => {
    const access = (await accessOf(config.fleet, tenant.name)).get(tenant.origin);
    if (access === undefined) throw new SecretMissing(tenant.name);
    const waits = { suiteMs: config.smokeTimeoutMs };
    return smokeTenant(tenant, access, { suite: checks, waits, signal: cancellationSignal() });
  };
  return {
    /** Polls all tenants until every tenant with a build probe reports the build, or until the deadline (epoch, ms). */
    awaitBuild: withSecretRetry(async (sha: Sha, plan: Plan, deadline: number): Promise<FleetBuilds> => {
      const signalBuilds = throttledSignal(client, tenantBuildsSignal);
      for (;;) {
        // A tenant that takes a request and never answers must not stop the heartbeats.
        const fleet = await withHeartbeat(() => fleetBuilds(config.fleet, sha, plan));
        heartbeat(fleet);
        const isReported = fleet.builds.every(
          ({ build }, index) =>
            isBuild(build, sha) || !tellsBuild(plan.tenants[index] as PlannedTenant, plan.buildProbe),
        );
        if (isReported || Date.now() >= deadline) return fleet;
        await signalBuilds(fleet.builds);
        await sleepWithHeartbeat(plan.pollMs, fleet);
      }
    }),

    /** Reads once which build each tenant runs. */
    readBuilds: withSecretRetry(
      (sha: Sha, plan: Plan): Promise<FleetBuilds> => withHeartbeat(() => fleetBuilds(config.fleet, sha, plan)),
    ),

    /**
     * Watches a soak until it is cancelled: a tenant that reports another build ends it, and so does a read-only check that
     * fails twice in a row. A tenant that does not answer may be restarting; the smoke tests it.
     */
    watchSoak: withSecretRetry(async (sha: Sha, plan: Plan): Promise<WatchEnd> => {
      const readOnly = requireSuite().filter((check) => !check.writes && check.needs === undefined);
      let failing = new Set<string>();
      for (let probeAt = Date.now() + plan.soakProbeMs; ; ) {
        const { builds } = await withHeartbeat(() => fleetBuilds(config.fleet, sha, plan));
        heartbeat(builds);
        if (builds.some(({ build }) => build !== null && !isBuild(build, sha))) return { builds };
        if (Date.now() >= probeAt) {
          probeAt = Date.now() + plan.soakProbeMs;
          const results = await withHeartbeat(
            () => Promise.all(plan.tenants.map((tenant) => smoke(tenant, readOnly))),
            builds,
          );
          const failed = new Set(results.flatMap(failedChecks));
          const twice = results.filter((result) => failedChecks(result).some((key) => failing.has(key)));
          if (twice.length > 0) return { red: twice };
          failing = failed;
        }
        await sleepWithHeartbeat(Math.min(plan.pollMs, plan.soakProbeMs), builds);
      }
    }),

    /** Runs the suite on one tenant. RED is a result; only a fault throws. `secretMs`: retry budget for a missing token. */
    smokeTenant: (tenant: PlannedTenant, secretMs: number): Promise<TenantSmoke> =>
      retryMissingSecret(secretMs, () => withHeartbeat(() => smoke(tenant, requireSuite()))),
  };
}

/** Retries an activity that lacks a secret for the retry budget of its plan. */
function withSecretRetry<A extends [Sha, Plan, ...unknown[]], T>(
  run: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  return (...args) => retryMissingSecret(args[1].retryBudgetMs.secret, () => run(...args));
}

const failedChecks = ({ tenant, checks }: TenantSmoke) =>
  checks.filter(({ verdict }) => verdict === 'fail').map(({ check }) => `${tenant}: ${check}`);

/** Reads the current secrets of a fleet: a token may have been rotated since the plan was made. */
export async function accessOf(source: FleetSource | null, who: string): Promise<Fleet['access']> {
  try {
    return (await source?.read(cancellationSignal()))?.access ?? new Map();
  } catch (error) {
    throw error instanceof FleetError ? new SecretMissing(`${who}: ${error.message}`) : error;
  }
}

async function fleetBuilds(source: FleetSource | null, sha: Sha, plan: Plan): Promise<FleetBuilds> {
  const access = await accessOf(source, 'the fleet');
  const unknown = plan.tenants.find(({ origin }) => !access.has(origin));
  if (unknown) throw new SecretMissing(unknown.name);
  const builds = await askBuilds(plan.tenants, plan.buildProbe, access, cancellationSignal());
  return { builds, all: builds.every(({ build }) => isBuild(build, sha)) };
}

const isBuild = (build: string | null, sha: Sha) => build !== null && sameBuild(build, sha);
