import type { Config } from '../src/config.js';
import { failing } from './failures.js';
import { createMoveActivities, type MoveDependencies } from './move.js';
import { createPlanActivities } from './plan.js';
import { createRegistryActivities } from './registry.js';
import { createTenantActivities } from './tenants.js';

export interface ActivityDependencies extends MoveDependencies {
  config: Config;
}

/** What runs on the gate's own task queue. */
export function createReleaseActivities({ config, registry }: ActivityDependencies) {
  return failing({
    ...createPlanActivities(config),
    ...createRegistryActivities(registry),
    ...createTenantActivities(config),
  });
}

/** What runs on the mover's task queue. */
export function createMoverActivities(dependencies: ActivityDependencies) {
  return failing(createMoveActivities(dependencies));
}

export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoverActivities>;
