import type { Client } from '@temporalio/client';
import { hashIn } from '../config/hash.js';
import { type Lane, moveTaskQueue, taskQueue } from '../contract/ids.js';
import { type Poller, pollersOf } from '../temporal/pollers.js';
import type { Finding } from './finding.js';

/** Age of a poller that counts as gone, in milliseconds: a worker polls at least once a minute, and the server lists it for minutes after its end. */
const STALE_POLLER_MS = 90_000;

/** Checks that each queue has a worker, and that all workers and this shell have the same configuration.
 * @param hash of the configuration of this shell; null if that is invalid. */
export async function checkWorkers(client: Client, lane: Lane, hash: string | null): Promise<Finding[]> {
  const queues = [
    { queue: taskQueue(lane), kind: 'workflow' },
    { queue: taskQueue(lane), kind: 'activity' },
    { queue: moveTaskQueue(lane), kind: 'activity' },
  ] as const;
  const polled = await Promise.all(
    queues.map(async ({ queue, kind }) => ({ queue, pollers: await pollersOf(client, queue, kind) })),
  );
  const absent = new Set(polled.filter(({ pollers }) => pollers.length === 0).map(({ queue }) => queue));
  return [
    ...[...absent].map(
      (queue): Finding => ({
        area: 'workers',
        level: 'stops',
        what: `no worker polls ${queue}: nothing moves until one does`,
        fix: 'start one: canary worker',
      }),
    ),
    ...compareConfigs(
      polled.flatMap(({ pollers }) => pollers),
      hash,
    ),
  ];
}

function compareConfigs(pollers: Poller[], hash: string | null): Finding[] {
  const activeIdentities = pollers
    .filter(({ at }) => at > Date.now() - STALE_POLLER_MS)
    .map(({ identity }) => identity);
  const workers = [...new Set(activeIdentities)].sort();
  const configsDiffer = new Set(workers.map(hashIn)).size > 1;
  const found = workers.map((identity): Finding => {
    const isDifferent = hash !== null && hashIn(identity) !== hash;
    if (!isDifferent) return { area: 'workers', level: 'ok', what: `${identity} polls` };
    const fix = `run doctor with the worker's environment, or restart the worker with this one (#${hash})`;
    return {
      area: 'workers',
      level: 'note',
      what: `${identity} runs with another configuration than this shell`,
      fix,
    };
  });
  const warning: Finding = {
    area: 'workers',
    level: 'warning',
    what: `workers are configured differently, and any of them may plan a release: ${workers.join(', ')}`,
    fix: 'restart them with one configuration',
  };
  return configsDiffer ? [warning, ...found] : found;
}
