import type { Client } from '@temporalio/client';
import type { Config } from '../src/config.js';
import type { Plan } from '../src/domain/release.js';
import { failing } from './failures.js';
import { createLaneActivities } from './lane.js';
import { createMoveActivities, type MoveDependencies } from './move.js';
import { createPlanActivities } from './plan.js';
import { createRegistryActivities } from './registry.js';
import { createTenantActivities } from './tenants.js';
import { createWaitActivities } from './waits.js';

export interface ActivityDependencies extends MoveDependencies {
  config: Config;
  client: Client;
  /** How long a run bears what may mend itself. */
  patienceMs: Plan['patienceMs'];
}

/** What runs on the gate's own task queue. */
export function createReleaseActivities({ config, registry, client, patienceMs }: ActivityDependencies) {
  return failing({
    ...createPlanActivities(config, patienceMs),
    ...createRegistryActivities(registry),
    ...createTenantActivities(config, client),
  });
}

/** What runs on the mover's task queue. */
export function createMoverActivities(dependencies: ActivityDependencies) {
  const { client, config, registry } = dependencies;
  return failing({ ...createMoveActivities(dependencies), ...createLaneActivities(client, config.lane, registry) });
}

/** What runs on the queue of those that wait. */
export function createWaiterActivities({ client, config }: ActivityDependencies) {
  return failing(createWaitActivities(client, config.lane));
}

export type WaitActivities = ReturnType<typeof createWaiterActivities>;
export type LaneActivities = ReturnType<typeof createLaneActivities>;
export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoveActivities>;
