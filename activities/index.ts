import { createDriftActivities } from './check-drift.js';
import type { ActivityDependencies } from './dependencies.js';
import { mapErrors } from './failures.js';
import { createLaneActivities } from './lane.js';
import { createMoveActivities } from './move.js';
import { createPublishActivities } from './publish.js';
import { createPlanActivities, createRegistryActivities } from './resolve.js';
import { createTenantActivities } from './tenants.js';
import { createWaitActivities } from './waits.js';
import { createWatchActivities, createWatchStarter } from './watch-production.js';

/** Activities on the gate's main task queue. */
export function createReleaseActivities(dependencies: ActivityDependencies) {
  const { config, suite, registry, client, retryBudgetMs, stopping } = dependencies;
  return mapErrors({
    ...createPlanActivities(config, suite, retryBudgetMs),
    ...createRegistryActivities(registry),
    ...createTenantActivities({ config, suite, client, stopping }),
    ...createWatchActivities(dependencies),
  });
}

/** Activities on the mover's task queue. */
export function createMoverActivities(dependencies: ActivityDependencies) {
  return mapErrors({ ...createMoveActivities(dependencies), ...onBehalfOfLane(dependencies) });
}

const onBehalfOfLane = (dependencies: ActivityDependencies) => ({
  ...createLaneActivities(dependencies),
  ...createWatchStarter(dependencies),
  ...createDriftActivities(dependencies),
});

/** Activities on the wait queue. */
export function createWaiterActivities({ client, lane }: ActivityDependencies) {
  return mapErrors({ ...createWaitActivities(client, lane), ...createPublishActivities() });
}

export type { WatchResult as Watched } from './watch-production.js';

export type WaitActivities = ReturnType<typeof createWaiterActivities>;
export type LaneActivities = ReturnType<typeof onBehalfOfLane>;
export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoveActivities>;
