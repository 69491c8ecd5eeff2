import { cancellationSignal } from '@temporalio/activity';
import type { Config } from '../src/config/schema.js';
import { fleetSeenSignal } from '../src/contract/messages.js';
import type { Plan, PlannedTenant, TenantBuild } from '../src/contract/release.js';
import { type Sha, sameBuild } from '../src/contract/sha.js';
import type { TenantSmoke } from '../src/contract/tenants/check.js';
import type { Access } from '../src/smoke/session.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import type { Suite } from '../src/smoke/suite.js';
import { askBuilds, tellsBuild } from '../src/tenants/ask-build.js';
import { type Fleet, FleetError, type FleetSource } from '../src/tenants/fleet.js';
import type { ActivityDependencies } from './dependencies.js';
import { retryMissingSecret, SecretMissing } from './failures.js';
import { throttledSignal, whileWaiting, withHeartbeat } from './heartbeat.js';

/** Builds that the tenants report, and whether all report the expected one. */
export interface FleetBuilds {
  builds: TenantBuild[];
  all: boolean;
}

type TenantDependencies = Pick<ActivityDependencies, 'config' | 'suite' | 'client' | 'stopping'>;

/** Activities that talk to canary tenants. */
export function createTenantActivities({ config, suite, client, stopping }: TenantDependencies) {
  const smoke = async (tenant: PlannedTenant) => {
    const access = accessTo(await accessOf(config.fleet, tenant.name), tenant);
    const waits = { suiteMs: config.smokeTimeoutMs };
    return smokeTenant(tenant, access, { suite: requireSuite(config, suite), waits, signal: cancellationSignal() });
  };
  return {
    /** Polls all tenants until every tenant with a build probe reports the build, or until the deadline (epoch, ms). */
    awaitBuild: withSecretRetry((sha: Sha, plan: Plan, deadline: number) =>
      whileWaiting({ client, stopping }, async (wait): Promise<FleetBuilds> => {
        const signalSeen = throttledSignal(client, fleetSeenSignal);
        for (;;) {
          const fleet = await fleetBuilds(config.fleet, sha, plan);
          wait.note(fleet);
          const isReported = fleet.builds.every(
            ({ build }, index) =>
              isBuild(build, sha) || !tellsBuild(plan.tenants[index] as PlannedTenant, plan.buildProbe),
          );
          if (isReported || Date.now() >= deadline) return fleet;
          await signalSeen({ builds: fleet.builds, from: null });
          await wait.sleep(plan.pollMs);
        }
      }),
    ),

    /** Runs the suite on one tenant. RED is a result; only a fault throws. `secretMs`: retry budget for a missing token. */
    smokeTenant: (tenant: PlannedTenant, secretMs: number): Promise<TenantSmoke> =>
      retryMissingSecret(secretMs, () => withHeartbeat(() => smoke(tenant))),
  };
}

/** Retries an activity that lacks a secret for the retry budget of its plan. */
function withSecretRetry<A extends [Sha, Plan, ...unknown[]], T>(
  run: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  return (...args) => retryMissingSecret(args[1].retryBudgetMs.secret, () => run(...args));
}

/** Reads the current secrets of a fleet: a token may have been rotated since the plan was made. */
export async function accessOf(
  source: FleetSource | null,
  who: string,
  signal = cancellationSignal(),
): Promise<Fleet['access']> {
  try {
    return (await source?.read(signal))?.access ?? new Map();
  } catch (error) {
    throw error instanceof FleetError ? new SecretMissing(`${who}: ${error.message}`) : error;
  }
}

/** Access to one tenant. @throws {SecretMissing} */
export function accessTo(access: Fleet['access'], { name, origin }: PlannedTenant): Access {
  const found = access.get(origin);
  if (found === undefined) throw new SecretMissing(name);
  return found;
}

/** Access to every tenant of a plan. @throws {SecretMissing} */
export async function fleetAccess(
  source: FleetSource | null,
  { tenants }: Plan,
  signal = cancellationSignal(),
): Promise<Fleet['access']> {
  const access = await accessOf(source, 'the fleet', signal);
  for (const tenant of tenants) accessTo(access, tenant);
  return access;
}

/** Suite of this worker. @throws on a worker whose suite cannot be used: the activity is retried, on another one. */
export function requireSuite({ smokeSuite }: Config, suite: Suite | null): Suite {
  if (suite === null) throw new Error(`${smokeSuite} cannot be used: this worker tests nothing`);
  return suite;
}

async function fleetBuilds(source: FleetSource | null, sha: Sha, plan: Plan): Promise<FleetBuilds> {
  const access = await fleetAccess(source, plan);
  const builds = await askBuilds(plan.tenants, plan.buildProbe, access, cancellationSignal());
  return { builds, all: builds.every(({ build }) => isBuild(build, sha)) };
}

const isBuild = (build: string | null, sha: Sha) => build !== null && sameBuild(build, sha);
