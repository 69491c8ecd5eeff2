import { type Client, isGrpcDeadlineError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import type { Lane } from '../contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { formatDuration } from '../domain/duration.js';
import { DeadlineReached } from '../net/deadline.js';
import { namespaceMend, withClient } from '../temporal/connect.js';
import { unfitSearchAttributes } from '../temporal/namespace.js';
import { type Finding, stops } from './finding.js';
import { lookAtLane } from './lane.js';
import { look } from './look.js';
import { lookAtRuns } from './runs.js';
import { lookAtWorkers } from './workers.js';

const READ = 'look at the server; do these credentials have the right to read its namespace?';
/** One answer, in milliseconds. */
const CALL_MS = 3_000;
const NO_SUCH_NAMESPACE = 5;

/** The server and its namespace; when those are there, what is in it. */
export async function lookAtTemporal(
  { env, lane, hash }: { env: NodeJS.ProcessEnv; lane: Lane; hash: string | null },
  signal: AbortSignal,
): Promise<Finding[]> {
  // Opening the connection has a bound of its own.
  const inside = async (client: Client): Promise<Finding[]> => {
    const lookIn = (area: Finding['area'], name: string, ask: (client: Client) => Promise<Finding[]>) =>
      look({ area, name, mend: READ }, signal, () => inTime(client, ask));
    const server = await lookIn('temporal', 'namespace', namespace);
    if (stops(server)) return server;
    const rest = await Promise.all([
      lookIn('temporal', 'search attributes', attributes),
      lookIn('workers', 'workers', () => lookAtWorkers(client, lane, hash)),
      lookIn('lane', 'lane', () => lookAtLane(client, lane)),
      lookIn('runs', 'runs', () => lookAtRuns(client, lane)),
    ]);
    return [server, ...rest].flat();
  };
  try {
    return await withClient(env, inside);
  } catch (error) {
    signal.throwIfAborted();
    return [{ area: 'temporal', level: 'stops', what: (error as Error).message }];
  }
}

/** Calls end by themselves; what the SDK says of that tells only of the last try. */
async function inTime(client: Client, ask: (client: Client) => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await client.withDeadline(Date.now() + CALL_MS, () => ask(client));
  } catch (error) {
    throw isGrpcDeadlineError(error) ? new DeadlineReached(CALL_MS) : error;
  }
}

async function namespace({ options, workflowService }: Client): Promise<Finding[]> {
  const name = options.namespace;
  const [{ serverVersion }, described] = await Promise.all([
    workflowService.getSystemInfo({}),
    workflowService.describeNamespace({ namespace: name }).catch((error: { code?: unknown }) => {
      if (error.code === NO_SUCH_NAMESPACE) return null;
      throw error;
    }),
  ]);
  if (described === null) {
    return [{ area: 'temporal', level: 'stops', what: `there is no namespace ${name}`, mend: namespaceMend(name) }];
  }
  const kept = formatDuration(tsToMs(described.config?.workflowExecutionRetentionTtl));
  return [
    {
      area: 'temporal',
      level: 'ok',
      what: `server ${serverVersion} answers; namespace ${name} keeps ended runs for ${kept}`,
    },
  ];
}

async function attributes({ connection, options }: Client): Promise<Finding[]> {
  const { missing, mistyped } = await unfitSearchAttributes(connection, options.namespace, SEARCH_ATTRIBUTES);
  if (missing.length + mistyped.length === 0)
    return [{ area: 'temporal', level: 'ok', what: 'all search attributes are registered' }];
  const unfit = [
    ...missing.map(({ name }) => `${name} is not registered`),
    ...mistyped.map(({ name, type }) => `${name} is not ${type}`),
  ];
  return [{ area: 'temporal', level: 'stops', what: `search attributes: ${unfit.join(', ')}`, mend: 'canary setup' }];
}
