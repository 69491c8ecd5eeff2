export { CanaryRelease } from './canary-release.js';
export { MoveLatest } from './move-latest.js';
export { Rollback } from './rollback.js';
