import { configuredSinks } from '../src/notify/configured.js';
import { createIdentityActivities } from './border/identity.js';
import type { ActivityDependencies } from './dependencies.js';
import { createAddTenantActivities } from './fleet/add-tenant.js';
import { createDeliveryActivities } from './fleet/deliver-build.js';
import { createFleetWatch } from './fleet-watch.js';
import { createLaneActivities } from './lane/calls.js';
import { createDriftActivities } from './lane/check-drift.js';
import { createLedgerActivities } from './lane/ledger-copy.js';
import { createMoveActivities } from './move.js';
import { createPublishActivities } from './publish.js';
import { createPlanActivities, createRegistryActivities } from './resolve.js';
import { countersOf } from './sinks/counters.js';
import { createDeliverActivities, deliveryOrders } from './sinks/deliver.js';
import { logLines } from './sinks/log-lines.js';
import { runSpans } from './sinks/run-spans.js';
import { createTenantActivities } from './tenants.js';
import { createWaitActivities } from './waits.js';
import { createWatchActivities, createWatchStarter } from './watch-production.js';

// The activities of each task queue, before their border: only `index.ts` takes them from here.

export function onReleaseQueue(dependencies: ActivityDependencies) {
  return {
    ...createPlanActivities(dependencies),
    ...createIdentityActivities(dependencies),
    ...createRegistryActivities(dependencies),
    ...createTenantActivities(dependencies),
    ...createFleetWatch(dependencies),
    ...createWatchActivities(dependencies),
    ...createAddTenantActivities(dependencies),
    ...createDeliveryActivities(dependencies),
  };
}

export function onMoveQueue(dependencies: ActivityDependencies) {
  return {
    ...createEventActivities(dependencies),
    ...createMoveActivities(dependencies),
    ...createLaneActivities(dependencies),
    ...createLedgerActivities(dependencies),
    ...createWatchStarter(dependencies),
    ...createDriftActivities(dependencies),
  };
}

export function onWaitQueue(dependencies: ActivityDependencies) {
  return {
    ...createWaitActivities(dependencies),
    // For what an older worker scheduled: a run hands its events to the mover's queue.
    ...createEventActivities(dependencies),
    ...createDeliverActivities(dependencies, remoteSinks(dependencies)),
  };
}

function createEventActivities(dependencies: ActivityDependencies) {
  const remote = remoteSinks(dependencies);
  const orders = remote.length === 0 ? [] : [deliveryOrders(dependencies, remote)];
  return createPublishActivities({ sinks: [logLines, countersOf(dependencies.config.lane), runSpans, ...orders] });
}

const remoteSinks = ({ config, client }: ActivityDependencies) =>
  configuredSinks(config, client.options?.namespace ?? '');

export type ReleaseActivities = ReturnType<typeof onReleaseQueue>;
export type MoveQueueActivities = ReturnType<typeof onMoveQueue>;
export type WaitActivities = ReturnType<typeof onWaitQueue>;
