import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, type LogEntry, type NativeConnection, Runtime } from '@temporalio/worker';
import { type Config, type Env, readSetting, variableOf } from '../src/config/schema.js';
import { metrics, type Sample } from '../src/metrics/metrics.js';
import type { Collector } from './collector/collector.js';
import { watchProcess } from './collector/process.js';
import type { GateWorker } from './create-worker.js';
import { onFreePort } from './free-port.js';
import type { Gates } from './gates.js';
import { serveHttp } from './http.js';
import { logEvent, logLine } from './log.js';
import { WORKER_FAILED } from './sdk-texts.js';

/** How long Temporal may take for an answer about readiness, in milliseconds. */
const READY_MS = 1_000;

/** What the runtime of the SDK gives to this process. */
export interface InstalledRuntime {
  /** Where the SDK serves its metrics. */
  metrics: URL;
  /** What the first part of the worker that failed failed of: the SDK logs it, and may throw another error, or none. */
  failure: () => Error | null;
}

/** Sets up logs and metrics of this process, once and before anything else of the SDK. */
export async function installRuntime(): Promise<InstalledRuntime> {
  let failure: Error | null = null;
  const log = (entry: LogEntry) => {
    const { error } = Object(entry.meta) as { error?: unknown };
    if (entry.message === WORKER_FAILED && error instanceof Error) failure ??= error;
    logLine(entry);
  };
  const address = await onFreePort((bindAddress) =>
    Runtime.install({
      logger: new DefaultLogger('INFO', log),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        metrics: {
          prometheus: { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
        },
      },
    }),
  );
  return { metrics: new URL(`http://${address}/metrics`), failure: () => failure };
}

interface ServedParts {
  worker: GateWorker;
  connection: NativeConnection;
  namespace: string;
  runtime: InstalledRuntime;
  gates: Gates;
  collector: Collector;
  version: string;
}

/** Where a worker serves, by its environment. */
export const httpOf = (env: Env): Config['http'] => ({
  address: readSetting(env, 'http'),
  isDefault: !env[variableOf('http')]?.trim(),
});

/** Serves health, readiness and metrics where the configuration says. The default address may be taken by a second worker of this machine: that one goes without. */
export async function serveWorker(
  { address, isDefault }: Config['http'],
  parts: ServedParts,
): Promise<() => Promise<void>> {
  const ofProcess = watchProcess();
  try {
    const { port, close } = await serveHttp(address, {
      metrics: parts.runtime.metrics,
      ownMetrics: () =>
        metrics.render([...parts.collector.gauges(), ...ofProcess(), infoOf(parts.version), problemsOf(parts.gates)]),
      dead: () => dead(parts),
      notReady: () => notReady(parts),
    });
    logEvent('INFO', 'http.listening', { address: `${address.host}:${port}` });
    return close;
  } catch (error) {
    const where = `${address.host}:${address.port}`;
    if (!isDefault) throw new Error(`CANARY_HTTP_ADDR: ${where}: ${(error as Error).message}`);
    logEvent('WARN', 'http.unavailable', { address: where, why: (error as Error).message });
    return async () => undefined;
  }
}

function infoOf(ofWorker: string): Sample {
  const [version = '', workflows = ''] = ofWorker.split('+');
  return { name: 'canary_worker_info', labels: { version, workflows }, value: 1 };
}

/** A gate that never could be loaded has no lane to read: no other gauge tells of it. */
function problemsOf(gates: Gates): Sample {
  return { name: 'canary_config_problems', labels: {}, value: gates.problems().length };
}

function dead({ worker, runtime }: ServedParts): string | null {
  return worker.state() === 'FAILED' ? `the worker has failed: ${runtime.failure()?.message ?? 'see its log'}` : null;
}

async function notReady({ worker, connection, namespace, gates }: ServedParts): Promise<string | null> {
  if (gates.isUnusable()) return `not ready for releases: ${gates.problems().join('; ')}`;
  const state = worker.state();
  if (state !== 'RUNNING') return `the worker is ${state.toLowerCase()}`;
  const { workflowService } = connection;
  // Temporal answers the first call from memory, and reads its database for the second.
  const [answers, reads] = await Promise.allSettled([
    inTime(workflowService.getSystemInfo({})),
    inTime(workflowService.describeNamespace({ namespace })),
  ]);
  if (reads.status === 'fulfilled') return null;
  const what =
    answers.status === 'fulfilled' ? `Temporal cannot read namespace ${namespace}` : 'Temporal does not answer';
  return `${what}: ${(reads.reason as Error).message}`;
}

/** The native connection goes on trying, whatever deadline it is given. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = delay(READY_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not within ${READY_MS} ms`);
  });
  return Promise.race([answer, late]);
}
