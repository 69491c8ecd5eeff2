import { DefaultLogger, type LogEntry, NativeConnection, Runtime } from '@temporalio/worker';
import { taskQueue } from '../src/domain/names.js';
import { loadGateConfig } from '../src/gate-config.js';
import { connectionConfig } from '../src/temporal/connection.js';
import { missingSearchAttributes } from '../src/temporal/search-attributes.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';
import { bundleWorkflows } from './bundle.js';
import { createWorker } from './create-worker.js';
import { registryOf } from './registry.js';

/** Runs a worker until SIGTERM or SIGINT; what runs then is finished or handed on.
 * @throws {ConfigError}, and what Temporal says when it cannot be reached. */
export async function runWorker(env: NodeJS.ProcessEnv): Promise<void> {
  const { config } = await loadGateConfig(env);
  Runtime.install({
    logger: new DefaultLogger('INFO', logLine),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
  const { connectionOptions, namespace } = connectionConfig(env);
  const registry = registryOf(config, env);
  const connection = await NativeConnection.connect(connectionOptions);
  try {
    const missing = await missingSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES);
    if (missing.length > 0)
      throw new Error(
        `search attributes ${missing.join(', ')} are not registered in namespace ${namespace}: run canary setup`,
      );
    const worker = await createWorker(
      { connection, namespace },
      { config, registry, workflowBundle: await bundleWorkflows() },
    );
    logLine({
      level: 'INFO',
      message: 'worker.started',
      timestampNanos: BigInt(Date.now()) * 1_000_000n,
      meta: { queue: taskQueue(config.lane) },
    });
    await worker.run();
  } finally {
    await connection.close();
    await registry.close();
  }
}

/** One JSON object a line. The task token would let its reader complete the activity. */
function logLine({ level, message, timestampNanos, meta }: LogEntry): void {
  const { taskToken: _, ...fields } = meta ?? {};
  const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  process.stderr.write(`${JSON.stringify({ at, level, message, ...fields }, jsonValue)}\n`);
}

function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message };
  return typeof value === 'bigint' ? value.toString() : value;
}
