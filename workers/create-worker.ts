import { Client } from '@temporalio/client';
import { IllegalStateError, type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createMoverActivities, createReleaseActivities, createWaiterActivities } from '../activities/index.js';
import { type AuthorizerFor, laneAuthorizer } from '../activities/move-authorizer.js';
import { workerIdentity } from '../src/config/hash.js';
import { RETRY_BUDGET_MS } from '../src/config/plan.js';
import type { Config } from '../src/config/schema.js';
import { moveTaskQueue, taskQueue, waitTaskQueue } from '../src/contract/ids.js';
import type { Plan } from '../src/contract/release.js';
import { MOVE_WAITS, type MoveWaits } from '../src/move/waits.js';
import type { Registry } from '../src/registry/context.js';
import type { Suite } from '../src/smoke/suite.js';
import { type LaneClient, laneClient } from '../src/temporal/lane-client.js';

/** Between two looks whether the worker is being stopped, in milliseconds. */
const STATE_MS = 200;

export interface GateWorker {
  /** `RUNNING` when every part of it polls; else the state of the first that does not. */
  state(): string;
  run(): Promise<void>;
  shutdown(): void;
}

export interface GateParts {
  config: Config;
  /** Null if it cannot be used: the worker carries out rollbacks then, and tests no release. */
  suite: Suite | null;
  registry: Registry;
  workflowBundle: { code: string };
  /** Tests shorten them. */
  waits?: Partial<MoveWaits>;
  retryBudgetMs?: Partial<Plan['retryBudgetMs']>;
  /** Tests whose server knows no lane bring their own. */
  lane?: LaneClient;
  /** Tests put a freeze between the yes and the write. */
  wrapAuthorizer?: (authorizerFor: AuthorizerFor) => AuthorizerFor;
}

/** A worker of the whole gate: one process, a task queue each for runs, for lane and mover, and for those that wait, so that none takes another's slots. */
export async function createWorker(
  temporal: { connection: NativeConnection; namespace: string },
  { config, suite, registry, workflowBundle, ...parts }: GateParts,
): Promise<GateWorker> {
  const client = new Client(temporal);
  const waits = { ...MOVE_WAITS, ...parts.waits };
  const lane = parts.lane ?? laneClient(client, config.lane);
  const byLane = laneAuthorizer(client, lane, waits.silenceMs);
  const retryBudgetMs = { ...RETRY_BUDGET_MS, ...parts.retryBudgetMs };
  const stopping = new AbortController();
  const dependencies = {
    config,
    suite,
    stopping: stopping.signal,
    registry,
    client,
    lane,
    waits,
    retryBudgetMs,
    authorizerFor: parts.wrapAuthorizer?.(byLane) ?? byLane,
  };
  const queue = taskQueue(config.lane);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    ...temporal,
    // With a hash of its configuration, so that canary doctor notices two workers that differ.
    identity: workerIdentity(config),
    // Time for running activities to end; the SDK's default is 0.
    shutdownGraceTime: '20s',
    shutdownForceTime: '30s',
    // A cancel reaches an activity with its beats, and those are held back for 0.8 x the heartbeat time-out otherwise.
    maxHeartbeatThrottleInterval: '1s',
    // How long a query or update waits for a worker that died.
    stickyQueueScheduleToStartTimeout: '2s',
    // Each poll that a frozen worker holds open swallows a task until that one times out: of the default 10, a move lost a
    // minute. A gate has few tasks to fetch. (maxConcurrent*TaskPolls, which say the same, are not heeded by SDK 1.24.0.)
    workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
  };
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue: queue, workflowBundle, activities: createReleaseActivities(dependencies) }),
    Worker.create({
      ...common,
      taskQueue: moveTaskQueue(config.lane),
      activities: createMoverActivities(dependencies),
    }),
    Worker.create({
      ...common,
      taskQueue: waitTaskQueue(config.lane),
      activities: createWaiterActivities(dependencies),
      maxConcurrentActivityTaskExecutions: 500,
      // They would wait on to the end of any grace; another worker takes them over.
      shutdownGraceTime: 0,
    }),
  ]);
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  // When one stops, by a signal or by a fault, the others have nothing left to live for.
  const run = async () => {
    // The SDK stops its workers on a signal without an event.
    const watch = setInterval(() => {
      if (state() !== 'RUNNING') stopping.abort();
    }, STATE_MS);
    const ends = await Promise.allSettled(workers.map((worker) => worker.run().finally(shutdown)));
    clearInterval(watch);
    for (const end of ends) if (end.status === 'rejected' && !hasDrained(end.reason)) throw end.reason;
  };
  const state = () => workers.map((worker) => worker.getState()).find((one) => one !== 'RUNNING') ?? 'RUNNING';
  return { state, run, shutdown };
}

/** All is done by then: SDK core alone holds on to the worker for an instant longer, and the SDK takes that for a fault (seen once in some hundred stops; sdk-dotnet issue 550 is the same). */
const hasDrained = (error: unknown) =>
  error instanceof IllegalStateError && error.message.startsWith('Worker still in use');
