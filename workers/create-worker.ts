import { Client } from '@temporalio/client';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createMoverActivities, createReleaseActivities } from '../activities/index.js';
import { authorizeByParent } from '../activities/move.js';
import type { Config } from '../src/config.js';
import { moveTaskQueue, taskQueue } from '../src/domain/names.js';
import type { Registry } from '../src/registry/request.js';

export interface GateWorker {
  run(): Promise<void>;
  shutdown(): void;
}

/** A worker of the whole gate: one process, a task queue each for runs and for the mover, so that smoke cannot take the mover's slots. */
export async function createWorker(
  config: Config,
  temporal: { connection: NativeConnection; namespace: string },
  workflowBundle: { code: string },
): Promise<GateWorker> {
  const client = new Client(temporal);
  const dependencies = { config, registry: registryOf(config), authorize: authorizeByParent(client) };
  const queue = taskQueue(config.lane);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    ...temporal,
    // Running activities get this long to end by themselves; the default is none.
    shutdownGraceTime: '20s',
    shutdownForceTime: '30s',
    // A cancel reaches an activity with its beats, and those are held back for 0.8 x the heartbeat time-out otherwise (temporal.md 0.2).
    maxHeartbeatThrottleInterval: '1s',
    // How long a query or update waits for a worker that died (temporal.md 0.6).
    stickyQueueScheduleToStartTimeout: '2s',
  };
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue: queue, workflowBundle, activities: createReleaseActivities(dependencies) }),
    Worker.create({
      ...common,
      taskQueue: moveTaskQueue(config.lane),
      activities: createMoverActivities(dependencies),
    }),
  ]);
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  // When one stops, by a signal or by a fault, the others have nothing left to live for.
  const run = async () => {
    const ends = await Promise.allSettled(workers.map((worker) => worker.run().finally(shutdown)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  return { run, shutdown };
}

function registryOf({ secrets }: Config): Registry {
  return { credentialsFor: (host) => (host === 'ghcr.io' ? secrets.github : null) };
}
