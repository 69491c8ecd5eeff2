import type { Client } from '@temporalio/client';
import type { Config } from '../src/config/schema.js';
import type { Plan } from '../src/contract/release.js';
import type { Suite } from '../src/smoke/suite.js';
import type { MoveDependencies } from './move.js';

export interface ActivityDependencies extends MoveDependencies {
  config: Config;
  /** The suite that the configuration names. */
  suite: Suite;
  client: Client;
  /** How long a run retries transient faults. */
  retryBudgetMs: Plan['retryBudgetMs'];
  /** Aborted when this worker is being stopped: long waits are then handed on. */
  stopping: AbortSignal;
}
