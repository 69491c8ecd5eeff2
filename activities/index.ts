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
  return failing({ ...createMoveActivities(dependencies), ...createLaneActivities(dependencies) });
}

/** What runs on the queue of those that wait. */
export function createWaiterActivities({ client, lane }: ActivityDependencies) {
  return failing(createWaitActivities(client, lane));
}

export type WaitActivities = ReturnType<typeof createWaiterActivities>;
export type LaneActivities = ReturnType<typeof createLaneActivities>;
export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoveActivities>;
