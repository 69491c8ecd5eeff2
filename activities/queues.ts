import type { ActivityDependencies } from './dependencies.js';
import { createFleetWatch } from './fleet-watch.js';
import { createIdentityActivities } from './identity.js';
import { createLaneActivities } from './lane/calls.js';
import { createDriftActivities } from './lane/check-drift.js';
import { createLedgerActivities } from './lane/ledger-copy.js';
import { createMoveActivities } from './move.js';
import { createPublishActivities } from './publish.js';
import { createPlanActivities, createRegistryActivities } from './resolve.js';
import { countersOf } from './sinks/counters.js';
import { logLines } from './sinks/log-lines.js';
import { createTenantActivities } from './tenants.js';
import { createWaitActivities } from './waits.js';
import { createWatchActivities, createWatchStarter } from './watch-production.js';

// The activities of each task queue, before their border: only `index.ts` takes them from here.

export function onReleaseQueue(dependencies: ActivityDependencies) {
  const { config, suite, registry, client, retryBudgetMs, stopping } = dependencies;
  return {
    ...createPlanActivities(config, suite, retryBudgetMs),
    ...createIdentityActivities(config),
    ...createRegistryActivities(registry),
    ...createTenantActivities({ config, suite, client, stopping }),
    ...createFleetWatch({ config, suite, client, stopping }),
    ...createWatchActivities(dependencies),
  };
}

export function onMoveQueue(dependencies: ActivityDependencies) {
  return {
    ...createMoveActivities(dependencies),
    ...createLaneActivities(dependencies),
    ...createLedgerActivities(dependencies),
    ...createWatchStarter(dependencies),
    ...createDriftActivities(dependencies),
  };
}

/** A notifier is one more sink, with its settings from `config`. */
export function onWaitQueue(dependencies: ActivityDependencies) {
  const sinks = [logLines, countersOf(dependencies.config.lane)];
  return { ...createWaitActivities(dependencies), ...createPublishActivities({ sinks }) };
}

export type ReleaseActivities = ReturnType<typeof onReleaseQueue>;
export type MoveQueueActivities = ReturnType<typeof onMoveQueue>;
export type WaitActivities = ReturnType<typeof onWaitQueue>;
