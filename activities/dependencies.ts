import type { Client } from '@temporalio/client';
import type { Config } from '../src/config/schema.js';
import type { Plan } from '../src/contract/release.js';
import type { Suite } from '../src/smoke/suite.js';
import type { PayloadKeys } from '../src/temporal/payloads/keys.js';
import type { MoveDependencies } from './move.js';

/** What the activities of a worker depend on. */
export interface ActivityDependencies extends MoveDependencies {
  config: Config;
  /** Suite that the configuration names; null if it cannot be used. */
  suite: Suite | null;
  client: Client;
  /** Keys that encrypt payloads, and sign the copy of the ledger; null without any. */
  payloadKeys: PayloadKeys | null;
  /** How long a run retries transient faults. */
  retryBudgetMs: Plan['retryBudgetMs'];
  /** Aborted when this worker is being stopped, so that long waits continue on another worker. */
  stopping: AbortSignal;
}
