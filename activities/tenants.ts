import { cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { type Config, ConfigError } from '../src/config.js';
import type { TenantSmoke } from '../src/domain/check.js';
import type { Plan, PlannedTenant, TenantBuild } from '../src/domain/release.js';
import { type Sha, sameBuild } from '../src/domain/sha.js';
import type { Suite } from '../src/smoke/check.js';
import { loadSuite } from '../src/smoke/load-suite.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import { askBuilds, tellsBuild } from '../src/tenants/ask-build.js';
import { BEAT_MS, beating } from './beating.js';
import { secretMissing } from './failures.js';

/** What every tenant reports, and whether that is the build everywhere. */
export interface FleetBuilds {
  builds: TenantBuild[];
  all: boolean;
}

export function createTenantActivities(config: Pick<Config, 'readFleet' | 'smokeSuite' | 'smokeTimeoutMs'>) {
  let suite: Promise<Suite> | undefined;
  return {
    /** Asks all tenants until every one that can tell reports the build, or the deadline (epoch, in ms) has passed. */
    async awaitBuild(sha: Sha, plan: Plan, deadline: number): Promise<FleetBuilds> {
      for (;;) {
        const fleet = await fleetBuilds(config, sha, plan);
        heartbeat(fleet);
        const told = fleet.builds.every(
          ({ build }, index) =>
            isBuild(build, sha) || !tellsBuild(plan.tenants[index] as PlannedTenant, plan.buildProbe),
        );
        if (told || Date.now() >= deadline) return fleet;
        await beatingSleep(plan.pollMs, fleet);
      }
    },

    /** Asks all tenants once which build they run. */
    readBuilds: (sha: Sha, plan: Plan): Promise<FleetBuilds> => fleetBuilds(config, sha, plan),

    /** Asks one tenant the suite. Red is a result; only a fault throws. */
    async smokeTenant(tenant: PlannedTenant): Promise<TenantSmoke> {
      const access = accessOf(config, tenant.name).get(tenant.origin);
      if (access === undefined) throw secretMissing(tenant.name);
      suite ??= loadSuite(config.smokeSuite);
      const options = { suite: await suite, waits: { suiteMs: config.smokeTimeoutMs }, signal: cancellationSignal() };
      return beating(() => smokeTenant(tenant, access, options));
    },
  };
}

/** The secrets as they are now: a token that was rotated since the plan was made is the one to use. */
function accessOf(config: Pick<Config, 'readFleet'>, who: string) {
  try {
    return config.readFleet().access;
  } catch (error) {
    throw error instanceof ConfigError ? secretMissing(`${who}: ${error.message}`) : error;
  }
}

async function fleetBuilds(config: Pick<Config, 'readFleet'>, sha: Sha, plan: Plan): Promise<FleetBuilds> {
  const access = accessOf(config, 'the fleet');
  const builds = await askBuilds(plan.tenants, plan.buildProbe, access, cancellationSignal());
  return { builds, all: builds.every(({ build }) => isBuild(build, sha)) };
}

const isBuild = (build: string | null, sha: Sha) => build !== null && sameBuild(build, sha);

async function beatingSleep(ms: number, details: FleetBuilds): Promise<void> {
  for (let left = ms; left > 0; left -= BEAT_MS) {
    await sleep(Math.min(left, BEAT_MS));
    heartbeat(details);
  }
}
