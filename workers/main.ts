import { NativeConnection } from '@temporalio/worker';
import { misspelled } from '../src/config/misspelled.js';
import { taskQueue } from '../src/contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { mapNamespaceError, mapWorkerConnectError } from '../src/temporal/connect.js';
import { connectionConfig } from '../src/temporal/connection.js';
import { missingSearchAttributes } from '../src/temporal/namespace.js';
import { payloadKeys } from '../src/temporal/payloads/keys.js';
import { workflowBundle } from './bundle.js';
import { createGatesWorker } from './create-worker.js';
import { followApiKey } from './follow-api-key.js';
import { loadGates } from './gates.js';
import { logEvent } from './log.js';
import { httpOf, installRuntime, serveWorker } from './service.js';

/** Runs a worker until SIGTERM or SIGINT; what runs then is finished or handed on.
 * @throws {ConfigError}, and what Temporal says when it cannot be reached. */
export async function runWorker(env: NodeJS.ProcessEnv): Promise<void> {
  const gates = await loadGates(env);
  const keys = payloadKeys(env);
  const { connectionOptions, namespace, facts, apiKey } = connectionConfig(env);
  logEvent('INFO', 'worker.connecting', { ...facts, identity: gates.identity });
  for (const { name, meant } of misspelled(env))
    logEvent('WARN', 'environment.misspelled', { name, meant, what: `${name} has no effect: did you mean ${meant}?` });
  const metrics = await installRuntime();
  const connection = await NativeConnection.connect(connectionOptions).catch((error: unknown) => {
    throw mapWorkerConnectError(facts, error);
  });
  const unfollow = apiKey && followApiKey(connection, apiKey);
  try {
    const missing = await missingSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES);
    if (missing.length > 0)
      throw new Error(
        `search attributes ${missing.join(', ')} are not registered in namespace ${namespace}: run canary setup`,
      );
    const { origin, ...bundle } = await workflowBundle();
    const worker = await createGatesWorker({ connection, namespace }, gates, {
      workflowBundle: bundle,
      payloadKeys: keys,
    });
    const close = await serveWorker(httpOf(env), { worker, connection, metrics, gates });
    if (gates.isUnusable())
      logEvent('ERROR', 'worker.degraded', {
        problems: gates.problems(),
        what: 'this worker carries out rollbacks, and tests no release',
      });
    logEvent('INFO', 'worker.started', {
      queue: taskQueue(gates.lane),
      bundle: origin,
      payloadKey: keys?.first ?? null,
    });
    await worker.run().finally(close);
    logEvent('INFO', 'worker.stopped', { queue: taskQueue(gates.lane) });
  } catch (error) {
    throw mapNamespaceError(namespace, error);
  } finally {
    unfollow?.();
    await connection.close();
    await gates.close();
  }
}
