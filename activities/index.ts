import type { Config } from '../src/config.js';
import type { Plan } from '../src/domain/release.js';
import { failing } from './failures.js';
import { createMoveActivities, type MoveDependencies } from './move.js';
import { createPlanActivities } from './plan.js';
import { createRegistryActivities } from './registry.js';
import { createTenantActivities } from './tenants.js';

export interface ActivityDependencies extends MoveDependencies {
  config: Config;
  /** How long a run bears what may mend itself. */
  patienceMs: Plan['patienceMs'];
  /** Aborted when this worker is being stopped: long waits are then handed on. */
  stopping: AbortSignal;
}

/** What runs on the gate's own task queue. */
export function createReleaseActivities({ config, registry, client, patienceMs, stopping }: ActivityDependencies) {
  return failing({
    ...createPlanActivities(config, patienceMs),
    ...createRegistryActivities(registry),
    ...createTenantActivities(config, client, stopping),
  });
}

/** What runs on the mover's task queue. */
export function createMoverActivities(dependencies: ActivityDependencies) {
  return failing(createMoveActivities(dependencies));
}

export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoverActivities>;
