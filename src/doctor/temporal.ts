import { type Client, isGrpcDeadlineError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import type { Lane } from '../contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { formatDuration } from '../domain/duration.js';
import { DeadlineReached } from '../net/deadline.js';
import { NamespaceMissing, withClient } from '../temporal/connect.js';
import { describeSkew, skewHere } from '../temporal/faults/wrong-clock.js';
import { invalidSearchAttributes, registerByHand } from '../temporal/namespace.js';
import { checkSchedule } from './drift.js';
import { type Finding, stops } from './finding.js';
import { checkLane } from './lane.js';
import { runCheck } from './look.js';
import { checkDeliveries, checkRuns } from './runs.js';
import { checkWorkers } from './workers.js';

const READ_FIX = 'look at the server; do these credentials have the right to read its namespace?';
/** Time limit of one query, in milliseconds. */
const CALL_TIMEOUT_MS = 3_000;
/** How long Temporal may take to tell its time, in milliseconds. */
const CLOCK_TIMEOUT_MS = 2_000;

/** Checks the server and its namespace; if both exist, also what is in the namespace. */
export async function checkTemporal(
  { env, lane, hash }: { env: NodeJS.ProcessEnv; lane: Lane; hash: string | null },
  signal: AbortSignal,
): Promise<Finding[]> {
  // Opening the connection has a bound of its own.
  const checkServer = async (client: Client): Promise<Finding[]> => {
    const check = (area: Finding['area'], name: string, query: (client: Client) => Promise<Finding[]>) =>
      runCheck({ area, name, fix: READ_FIX }, signal, () => withTimeout(client, query));
    const server = await check('temporal', 'namespace', namespace);
    if (stops(server)) return server;
    const rest = await Promise.all([
      check('temporal', 'the clock of this shell', checkClock),
      check('temporal', 'search attributes', checkSearchAttributes),
      check('workers', 'workers', () => checkWorkers(client, lane, hash)),
      check('lane', 'lane', () => checkLane(client, lane)),
      check('lane', 'the check for drift', () => checkSchedule(client, lane)),
      check('runs', 'runs', () => checkRuns(client, lane)),
      check('runs', 'lost events', () => checkDeliveries(client, lane)),
    ]);
    return [server, ...rest].flat();
  };
  try {
    return await withClient(env, checkServer);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NamespaceMissing)
      return [{ area: 'temporal', level: 'stops', what: error.what, fix: error.fix }];
    return [{ area: 'temporal', level: 'stops', what: (error as Error).message }];
  }
}

/** Bounds all calls of a query: the SDK's own error describes only the last attempt. */
async function withTimeout(client: Client, query: (client: Client) => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, () => query(client));
  } catch (error) {
    throw isGrpcDeadlineError(error) ? new DeadlineReached(CALL_TIMEOUT_MS) : error;
  }
}

async function namespace({ options, workflowService }: Client): Promise<Finding[]> {
  const name = options.namespace;
  const [{ serverVersion }, described] = await Promise.all([
    workflowService.getSystemInfo({}),
    workflowService.describeNamespace({ namespace: name }),
  ]);
  const retention = formatDuration(tsToMs(described.config?.workflowExecutionRetentionTtl));
  return [
    {
      area: 'temporal',
      level: 'ok',
      what: `server ${serverVersion} answers; namespace ${name} keeps ended runs for ${retention}`,
    },
  ];
}

/** Whether the clock of this shell goes as Temporal's does. Nothing if Temporal does not tell its time. */
export async function checkClock(client: Client): Promise<Finding[]> {
  const aheadMs = (await skewHere(client, CLOCK_TIMEOUT_MS)) ?? 0;
  if (aheadMs === 0) return [];
  const what = `the clock of this shell is ${describeSkew(aheadMs)}, so the ages and times that commands show are wrong`;
  return [{ area: 'temporal', level: 'warning', what, fix: 'synchronize the clock of this machine (NTP)' }];
}

async function checkSearchAttributes({ connection, options }: Client): Promise<Finding[]> {
  const { missing, mistyped, unlisted } = await invalidSearchAttributes(
    connection,
    options.namespace,
    SEARCH_ATTRIBUTES,
  );
  if (unlisted !== null)
    return [
      {
        area: 'temporal',
        level: 'warning',
        what: `search attributes cannot be listed with these credentials: ${unlisted}; a run waits for ever if one is missing`,
        fix: registerByHand(SEARCH_ATTRIBUTES),
      },
    ];
  if (missing.length + mistyped.length === 0)
    return [{ area: 'temporal', level: 'ok', what: 'all search attributes are registered' }];
  const problems = [
    ...missing.map(({ name }) => `${name} is not registered`),
    ...mistyped.map(({ name, type }) => `${name} is not ${type}`),
  ];
  return [{ area: 'temporal', level: 'stops', what: `search attributes: ${problems.join(', ')}`, fix: 'canary setup' }];
}
