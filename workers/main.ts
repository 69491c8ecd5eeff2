import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { misspelled } from '../src/config/misspelled.js';
import { taskQueue } from '../src/contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import {
  type Connecting,
  mapNamespaceError,
  mapOutage,
  mapWorkerConnectError,
  mapWorkerFailure,
} from '../src/temporal/connect.js';
import { connectionConfig } from '../src/temporal/connection.js';
import { invalidSearchAttributes } from '../src/temporal/namespace.js';
import { keyIds, payloadKeys } from '../src/temporal/payloads/keys.js';
import { workerProxy } from '../src/temporal/transport/proxy.js';
import { workerVersion, workflowBundle } from './bundle.js';
import { type Collector, startCollector } from './collector/collector.js';
import { connectWithRetry } from './connect-with-retry.js';
import { createGatesWorker, workflowOptions } from './create-worker.js';
import { followApiKey } from './follow/api-key.js';
import { watchClock } from './follow/clock.js';
import { loadGates } from './gates.js';
import { runUntil } from './lifetime.js';
import { logEvent } from './log.js';
import { requireReplay } from './replay-lanes.js';
import { httpOf, installRuntime, serveWorker } from './service.js';
import { startTraces } from './traces.js';

/** How long closing may take, in milliseconds: the process exits then, whatever is open. */
const CLOSE_MS = 1_000;

/** How long Temporal may take to list the search attributes, in milliseconds, before it is asked again. */
const PREPARED_MS = 10_000;

/** Runs a worker until `signal` is aborted; what runs then is finished or handed on. The process must exit afterwards: the native part of the SDK may hold it.
 * @throws {ConfigError}, and why it could not start or go on. */
export async function runWorker(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  deployment: WorkerDeploymentVersion | null = null,
): Promise<void> {
  const gates = await loadGates(env);
  const keys = payloadKeys(env, {
    changed: (now) => logEvent('INFO', 'payload.keys', { first: now.first, ids: keyIds(now) }),
    refused: (why) => logEvent('WARN', 'payload.keys-refused', { why, what: 'the keys from before count' }),
  });
  const { connectionOptions, namespace, facts, proxy, apiKey } = connectionConfig(env);
  const options = { ...connectionOptions, ...workerProxy(proxy) };
  const version = workerVersion();
  logEvent('INFO', 'worker.connecting', { version, ...deployment, ...facts, identity: gates.identity });
  for (const { name, meant } of misspelled(env))
    logEvent('WARN', 'environment.misspelled', { name, meant, what: `${name} has no effect: did you mean ${meant}?` });
  const traces = startTraces(env, version);
  const runtime = await installRuntime();
  const connection = await connectWithRetry(
    () => connect({ connectionOptions: options, facts }),
    signal,
    (why) => logEvent('WARN', 'worker.waiting', { why }),
  );
  if (connection === null) return;
  let collector: Collector | undefined;
  let unwatch: (() => void) | undefined;
  const unfollow = apiKey && followApiKey(connection, apiKey);
  try {
    const { origin, ...bundle } = await workflowBundle();
    await requireReplay(
      { connection, namespace },
      gates.all().map(({ config }) => config.lane),
      { version, deployment, ...workflowOptions(bundle, keys) },
      (why) => logEvent('WARN', 'worker.unchecked', { why }),
    );
    const worker = await createGatesWorker({ connection, namespace }, gates, {
      workflowBundle: bundle,
      payloadKeys: keys,
      deployment,
      spans: traces?.sink ?? null,
    });
    collector = startCollector({ connection, namespace, payloadKeys: keys, gates });
    const close = await serveWorker(httpOf(env), { worker, connection, namespace, runtime, gates, collector, version });
    if (gates.isUnusable())
      logEvent('ERROR', 'worker.degraded', {
        problems: gates.problems(),
        what: 'this worker carries out rollbacks, and tests no release',
      });
    unwatch = await watchClock(new Client({ connection, namespace }), gates.identity);
    logEvent('INFO', 'worker.started', {
      queue: taskQueue(gates.lane),
      bundle: origin,
      payloadKey: keys?.first ?? null,
      payloadKeys: keys && keyIds(keys),
    });
    await runUntil(signal, worker);
    collector.stop();
    await Promise.race([
      Promise.allSettled([close(), connection.close(), gates.close(), traces?.close()]),
      delay(CLOSE_MS),
    ]);
    logEvent('INFO', 'worker.stopped', { queue: taskQueue(gates.lane) });
  } catch (error) {
    const failure = runtime.failure();
    const missing = mapNamespaceError(namespace, failure ?? error);
    throw missing === failure ? mapWorkerFailure(facts, failure) : missing;
  } finally {
    collector?.stop();
    unwatch?.();
    unfollow?.();
  }
}

/** Connects to Temporal, and makes sure that the namespace is prepared. */
async function connect(connecting: Connecting): Promise<NativeConnection> {
  const { connectionOptions, facts } = connecting;
  const connection = await NativeConnection.connect(connectionOptions).catch(async (error: unknown) => {
    throw await mapWorkerConnectError(connecting, error);
  });
  const { namespace } = facts;
  try {
    const { missing, unlisted } = await connection.withDeadline(Date.now() + PREPARED_MS, () =>
      invalidSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES),
    );
    if (unlisted !== null) logEvent('WARN', 'search-attributes.unlisted', { why: unlisted });
    if (missing.length > 0)
      throw new Error(
        `search attributes ${missing.map(({ name }) => name).join(', ')} are not registered in namespace ${namespace}: run canary setup`,
      );
    return connection;
  } catch (error) {
    await connection.close();
    throw mapOutage(facts, mapNamespaceError(namespace, error));
  }
}
