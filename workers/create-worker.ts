import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { type InjectedSinks, type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { createActivities } from '../activities/index.js';
import { type AuthorizerFor, laneAuthorizer } from '../activities/move-authorizer.js';
import { RETRY_BUDGET_MS } from '../src/config/plan.js';
import type { DeliveryCounts } from '../src/contract/events.js';
import { laneOf, moveTaskQueue, taskQueue, waitTaskQueue } from '../src/contract/ids.js';
import type { Plan } from '../src/contract/release.js';
import { metrics } from '../src/metrics/metrics.js';
import { withGate } from '../src/metrics/table.js';
import { MOVE_WAITS, type MoveWaits } from '../src/move/waits.js';
import { type LaneClient, laneClient, STICKY_MS } from '../src/temporal/lane-client.js';
import { payloadCodec } from '../src/temporal/payloads/codec.js';
import type { PayloadKeys } from '../src/temporal/payloads/keys.js';
import type { SpanSink } from '../src/tracing/spans.js';
import { type Gate, type Gates, singleGate } from './gates.js';
import { hasDrained } from './sdk-texts.js';
import { tracedActivities } from './traced-activities.js';

/** Module that the SDK loads for failures of activities if payloads are encrypted. */
const ENCODED_FAILURES = fileURLToPath(new URL('../src/temporal/payloads/encoded-failures.cjs', import.meta.url));
/** The bundle with the mark that `workflows/shared/failure-converter.ts` looks for; on its first line, so that the lines of traces stay. */
const withEncodedFailures = ({ code }: { code: string }) => ({
  code: `globalThis.CANARY_ENCODE_FAILURES = true; ${code}`,
});

/** What `DeliverEvents` counts. */
const COUNTS: InjectedSinks<DeliveryCounts> = {
  deliveries: {
    lost: {
      fn: ({ workflowId }, sink) =>
        metrics.count('canary_deliveries_total', withGate(laneOf(workflowId), { sink, result: 'lost' })),
    },
  },
};

/** Most runs that soak, or wait, at a time on one worker (docs/benchmarks.md, scale). A soak takes a slot for as long as it lasts. */
const MAX_RUNS = 1_200;

/** Most runs that are kept in memory; the others are replayed when they go on. */
const MAX_CACHED = 2_400;
/** Two for each MB of heap above what the worker itself takes: a run has 130 KB of it (ADR 31). */
const maxCachedWorkflows = () => {
  const heapMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  return Math.max(10, Math.min(MAX_CACHED, Math.floor((heapMb - 100) * 2)));
};

/**
 * How a worker polls. A frozen one receives one task for each open poll, and each waits for its time-out: with the default of 10 polls a move
 * lost a minute. One gate has few tasks. Many gates have many: with one poll they wait for the next round trip. (SDK 1.24.0 ignores maxConcurrent*TaskPolls.)
 */
const POLLS = {
  one: { workflows: 2, activities: 1 },
  shared: { workflows: 6, activities: 4 },
} as const;

/** Interval at which the state of the SDK's workers is read, in milliseconds. */
const STATE_MS = 200;

export interface GateWorker {
  /** `RUNNING` when every part of it polls; `FAILED` if one failed; else the state of the first that does not poll. */
  state(): string;
  run(): Promise<void>;
  shutdown(): void;
}

/** What a worker is made of, besides the gates that it serves. */
export interface WorkerParts {
  /** Deployment and version that it polls as; without it, runs are not pinned to a version. */
  deployment?: WorkerDeploymentVersion | null;
  workflowBundle: { code: string };
  /** Keys that encrypt payloads; without them, only what is not encrypted can be read. */
  payloadKeys?: PayloadKeys | null;
  /** Where the spans of its activities go; without it, there are none. */
  spans?: SpanSink | null;
  /** Waits of a move. Tests shorten them. */
  waits?: Partial<MoveWaits>;
  retryBudgetMs?: Partial<Plan['retryBudgetMs']>;
  /** Most activities of the wait queue at a time. Tests lower it. */
  maxWaits?: number;
  /** Client of the lane. Tests whose server runs no lane pass their own. */
  lane?: LaneClient;
  /** Wraps the authorizer of the mover. Tests freeze the worker between the grant of a write lease and the write. */
  wrapAuthorizer?: (authorizerFor: AuthorizerFor) => AuthorizerFor;
}

export interface GateParts extends Gate, WorkerParts {}

interface Temporal {
  connection: NativeConnection;
  namespace: string;
}

/** How workflow code is run, and replayed. */
export const workflowOptions = (bundle: { code: string }, payloadKeys: PayloadKeys | null) => ({
  workflowBundle: payloadKeys ? withEncodedFailures(bundle) : bundle,
  dataConverter: {
    payloadCodecs: [payloadCodec(payloadKeys, 'keep')],
    ...(payloadKeys && { failureConverterPath: ENCODED_FAILURES }),
  },
});

/** Creates a worker of one gate. */
export const createWorker = (temporal: Temporal, { config, suite, registry, ...parts }: GateParts) =>
  createGatesWorker(temporal, singleGate({ config, suite, registry }), parts);

/** Creates a worker of all gates: one process with a task queue for runs, one for lanes and movers, and one for what waits, so that none takes another's slots. */
export async function createGatesWorker(
  temporal: Temporal,
  gates: Gates,
  { payloadKeys = null, deployment = null, spans = null, ...parts }: WorkerParts,
): Promise<GateWorker> {
  const client = new Client({ ...temporal, dataConverter: { payloadCodecs: [payloadCodec(payloadKeys, 'throw')] } });
  const waits = { ...MOVE_WAITS, ...parts.waits };
  const retryBudgetMs = { ...RETRY_BUDGET_MS, ...parts.retryBudgetMs };
  const stopping = new AbortController();
  const known = new WeakMap<Gate, ActivityDependencies>();
  const dependenciesOf = (gate: Gate): ActivityDependencies => {
    const made = known.get(gate);
    if (made) return made;
    const lane = parts.lane ?? laneClient(client, gate.config.lane);
    const byLane = laneAuthorizer(client, lane, waits.silenceMs);
    const authorizerFor = parts.wrapAuthorizer?.(byLane) ?? byLane;
    const own = { client, payloadKeys, lane, waits, retryBudgetMs, authorizerFor, stopping: stopping.signal };
    const dependencies = { ...gate, ...own };
    known.set(gate, dependencies);
    return dependencies;
  };
  const shared = { lane: gates.lane, dependencies: () => gates.all().map(dependenciesOf) };
  const activities = createActivities((lane) => dependenciesOf(gates.of(lane)), gates.areShared ? shared : null);
  const queue = taskQueue(gates.lane);
  const polls = gates.areShared ? POLLS.shared : POLLS.one;
  const { workflowBundle, dataConverter } = workflowOptions(parts.workflowBundle, payloadKeys);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    ...temporal,
    dataConverter,
    ...(spans && { interceptors: { activity: [tracedActivities(spans)] } }),
    // A run keeps the version that it began with; the lane and the watches continue as new on the current one.
    ...(deployment && {
      workerDeploymentOptions: { version: deployment, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
    }),
    // With a hash of its configuration, so that canary doctor notices two workers that differ.
    identity: gates.identity,
    // Time for running activities to end; the SDK's default is 0.
    shutdownGraceTime: '20s',
    shutdownForceTime: '30s',
    // A cancellation reaches an activity only with a heartbeat; by default the SDK throttles heartbeats to 0.8 x the heartbeat time-out.
    maxHeartbeatThrottleInterval: '1s',
    maxCachedWorkflows: maxCachedWorkflows(),
    // The same for a worker of many gates: a rollback is announced within 5 s, also if a worker has just died.
    stickyQueueScheduleToStartTimeout: STICKY_MS,
    workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: polls.workflows },
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: polls.activities },
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queue,
      workflowBundle,
      activities: activities.release,
      sinks: COUNTS,
      maxConcurrentActivityTaskExecutions: MAX_RUNS,
    }),
    Worker.create({
      ...common,
      taskQueue: moveTaskQueue(gates.lane),
      activities: activities.move,
    }),
    Worker.create({
      ...common,
      taskQueue: waitTaskQueue(gates.lane),
      activities: activities.wait,
      maxConcurrentActivityTaskExecutions: parts.maxWaits ?? MAX_RUNS,
      // Waits do not end within any grace period; another worker continues them.
      shutdownGraceTime: 0,
    }),
  ]);
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const state = () => {
    const states: string[] = workers.map((worker) => worker.getState());
    return states.find((one) => one === 'FAILED') ?? states.find((one) => one !== 'RUNNING') ?? 'RUNNING';
  };
  // If one of them stops, by a signal or a fault, all stop: a worker without one of its queues cannot carry out a release.
  const run = async () => {
    // The SDK emits no event when a signal stops its workers.
    const watch = setInterval(() => {
      if (state() !== 'RUNNING') stopping.abort();
    }, STATE_MS);
    const ends = await Promise.allSettled(workers.map((worker) => worker.run().finally(shutdown)));
    clearInterval(watch);
    for (const [index, end] of ends.entries())
      if (end.status === 'rejected' && !hasDrained(workers[index], end.reason)) throw end.reason;
  };
  return { state, run, shutdown };
}
