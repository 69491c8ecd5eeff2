import type { Suite } from './suite.js';
import type { SmokeWaits } from './waits.js';

/** Whether a tenant is alive shows at once or not at all. In milliseconds. */
export const LIVENESS_WAITS: Partial<SmokeWaits> = { requestMs: 8_000, suiteMs: 8_000, patienceMs: 0 };

/** The first check of a suite that leaves nothing behind. */
export const livenessOf = (suite: Suite): Suite =>
  suite.filter(({ writes, needs }) => !writes && needs === undefined).slice(0, 1);
