export { AddCanaryTenant } from './add-canary-tenant.js';
export { CanaryRelease } from './canary-release.js';
export { CheckDrift } from './check-drift.js';
export { DeliverEvents } from './deliver-events.js';
export { MoveLatest } from './move-latest.js';
export { ReleaseLane } from './release-lane.js';
export { Rollback } from './rollback.js';
export { WatchProduction } from './watch-production.js';
