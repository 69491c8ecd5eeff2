import { cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import type { TenantSmoke } from '../src/domain/check.js';
import type { BuildSource, Plan, PlannedTenant, TenantBuild } from '../src/domain/release.js';
import { type Sha, sameBuild } from '../src/domain/sha.js';
import { defaultSuite } from '../src/smoke/default-suite.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import { askBuilds } from '../src/tenants/ask-build.js';
import { BEAT_MS, beating } from './beating.js';
import { secretMissing } from './failures.js';

/** What every tenant reports, and whether that is the build everywhere. */
export interface FleetBuilds {
  builds: TenantBuild[];
  all: boolean;
}

export function createTenantActivities(adminTokens: ReadonlyMap<string, string>) {
  return {
    /** Asks all tenants until every one reports the build, or the deadline (epoch, in ms) has passed. */
    async awaitBuild(sha: Sha, plan: Plan, deadline: number): Promise<FleetBuilds> {
      for (;;) {
        const fleet = await fleetBuilds(sha, plan.tenants, plan.buildProbe);
        heartbeat(fleet);
        if (fleet.all || Date.now() >= deadline) return fleet;
        await beatingSleep(plan.pollMs, fleet);
      }
    },

    /** Asks all tenants once which build they run. */
    readBuilds: (sha: Sha, plan: Plan): Promise<FleetBuilds> => fleetBuilds(sha, plan.tenants, plan.buildProbe),

    /** Asks one tenant the suite. Red is a result; only a fault throws. */
    async smokeTenant(tenant: PlannedTenant): Promise<TenantSmoke> {
      const token = adminTokens.get(tenant.origin);
      if (token === undefined) throw secretMissing(tenant.name);
      return beating(() => smokeTenant(tenant, token, defaultSuite, cancellationSignal()));
    },
  };
}

async function fleetBuilds(sha: Sha, tenants: PlannedTenant[], probe: BuildSource[]): Promise<FleetBuilds> {
  const builds = await askBuilds(tenants, probe, cancellationSignal());
  return { builds, all: builds.every(({ build }) => build !== null && sameBuild(build, sha)) };
}

async function beatingSleep(ms: number, details: FleetBuilds): Promise<void> {
  for (let left = ms; left > 0; left -= BEAT_MS) {
    await sleep(Math.min(left, BEAT_MS));
    heartbeat(details);
  }
}
