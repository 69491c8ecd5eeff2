import type { Config } from '../src/config.js';
import type { Registry } from '../src/registry/request.js';
import { failing } from './failures.js';
import { type AuthorizeMove, createMoveActivities } from './move.js';
import { createPlanActivities } from './plan.js';
import { createRegistryActivities } from './registry.js';
import { createTenantActivities } from './tenants.js';

export interface ActivityDependencies {
  config: Config;
  registry: Registry;
  authorize: AuthorizeMove;
}

/** What runs on the gate's own task queue. */
export function createReleaseActivities({ config, registry }: ActivityDependencies) {
  return failing({
    ...createPlanActivities(config),
    ...createRegistryActivities(registry),
    ...createTenantActivities(config.secrets.adminTokens),
  });
}

/** What runs on the mover's task queue. */
export function createMoverActivities({ registry, authorize }: ActivityDependencies) {
  const { observeLatest } = createRegistryActivities(registry);
  return failing({ observeLatest, ...createMoveActivities(registry, authorize) });
}

export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoverActivities>;
