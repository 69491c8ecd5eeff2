import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, type NativeConnection, Runtime } from '@temporalio/worker';
import { type Config, type Env, readSetting, variableOf } from '../src/config/schema.js';
import type { GateWorker } from './create-worker.js';
import { onFreePort } from './free-port.js';
import type { Gates } from './gates.js';
import { serveHttp } from './http.js';
import { logEvent, logLine } from './log.js';

/** How long Temporal may take to answer whether the worker is ready, in milliseconds. */
const READY_MS = 1_000;

/** Sets up logs and metrics of this process, once and before anything else of the SDK. Gives where the SDK serves its metrics. */
export async function installRuntime(): Promise<URL> {
  const address = await onFreePort((bindAddress) =>
    Runtime.install({
      logger: new DefaultLogger('INFO', logLine),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        metrics: {
          prometheus: { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
        },
      },
    }),
  );
  return new URL(`http://${address}/metrics`);
}

/** Where a worker serves, by its environment. */
export const httpOf = (env: Env): Config['http'] => ({
  address: readSetting(env, 'http'),
  isDefault: !env[variableOf('http')]?.trim(),
});

interface Parts {
  worker: GateWorker;
  connection: NativeConnection;
  metrics: URL;
  gates: Gates;
}

/** Serves health, readiness and metrics where the configuration says. The default address may be taken by a second worker of this machine: that one goes without. */
export async function serveWorker({ address, isDefault }: Config['http'], parts: Parts): Promise<() => Promise<void>> {
  try {
    const { port, close } = await serveHttp(address, { metrics: parts.metrics, notReady: () => notReady(parts) });
    logEvent('INFO', 'http.listening', { address: `${address.host}:${port}` });
    return close;
  } catch (error) {
    const where = `${address.host}:${address.port}`;
    if (!isDefault) throw new Error(`CANARY_HTTP_ADDR: ${where}: ${(error as Error).message}`);
    logEvent('WARN', 'http.unavailable', { address: where, why: (error as Error).message });
    return async () => undefined;
  }
}

async function notReady({ worker, connection, gates }: Parts) {
  if (gates.isUnusable()) return `not ready for releases: ${gates.problems().join('; ')}`;
  const state = worker.state();
  if (state !== 'RUNNING') return `the worker is ${state.toLowerCase()}`;
  try {
    // The native connection goes on trying, whatever deadline it is given.
    const late = delay(READY_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`not within ${READY_MS} ms`)),
    );
    await Promise.race([connection.workflowService.getSystemInfo({}), late]);
    return null;
  } catch (error) {
    return `Temporal does not answer: ${(error as Error).message}`;
  }
}
