import type { ActivityDependencies } from './dependencies.js';
import { mapErrors } from './failures.js';
import { createFleetWatch } from './fleet-watch.js';
import { createLaneActivities } from './lane/calls.js';
import { createDriftActivities } from './lane/check-drift.js';
import { createMoveActivities } from './move.js';
import { createPublishActivities } from './publish.js';
import { createPlanActivities, createRegistryActivities } from './resolve.js';
import { counters } from './sinks/counters.js';
import { logLines } from './sinks/log-lines.js';
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
    ...createFleetWatch({ config, suite, client, stopping }),
    ...createWatchActivities(dependencies),
  });
}

/** Activities on the mover's task queue. */
export function createMoveQueueActivities(dependencies: ActivityDependencies) {
  return mapErrors({ ...createMoveActivities(dependencies), ...onBehalfOfLane(dependencies) });
}

const onBehalfOfLane = (dependencies: ActivityDependencies) => ({
  ...createLaneActivities(dependencies),
  ...createWatchStarter(dependencies),
  ...createDriftActivities(dependencies),
});

/** Activities on the wait queue: what only waits, and the delivery of events. A notifier is one more sink, with its settings from `config`. */
export function createWaitQueueActivities({ client, lane }: ActivityDependencies) {
  const sinks = [logLines, counters];
  return mapErrors({ ...createWaitActivities(client, lane), ...createPublishActivities({ sinks }) });
}

export type WaitActivities = ReturnType<typeof createWaitQueueActivities>;
export type LaneActivities = ReturnType<typeof onBehalfOfLane>;
export type ReleaseActivities = ReturnType<typeof createReleaseActivities>;
export type MoverActivities = ReturnType<typeof createMoveActivities>;
