import type { Client } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import { differingSettings, hashIn, shortIdentity } from '../config/hash.js';
import { type Lane, moveTaskQueue, taskQueue } from '../contract/ids.js';
import { describeSkew, wrongClocks } from '../temporal/faults/wrong-clock.js';
import { queueNow } from '../temporal/pollers.js';
import { versionIn } from '../temporal/version.js';
import type { Finding } from './finding.js';

type Poller = temporal.api.taskqueue.v1.IPollerInfo;

/** Checks that each queue has a worker, and that all workers and this shell have the same configuration.
 * @param hash of the configuration of this shell; null if that is invalid. */
export async function checkWorkers(client: Client, lane: Lane, hash: string | null): Promise<Finding[]> {
  const queues = [
    { queue: taskQueue(lane), kind: 'workflow' },
    { queue: taskQueue(lane), kind: 'activity' },
    { queue: moveTaskQueue(lane), kind: 'activity' },
  ] as const;
  const polled = await Promise.all(
    queues.map(async ({ queue, kind }) => ({ queue, ...(await queueNow(client, queue, kind)) })),
  );
  const pollers = polled.flatMap((queue) => queue.pollers);
  const clocks = (await wrongClocks(client)).filter(({ worker }) => pollers.some((one) => nameOf(one) === worker));
  const absent = new Set(polled.filter((queue) => queue.pollers.length === 0).map(({ queue }) => queue));
  return [
    ...[...absent].map(
      (queue): Finding => ({
        area: 'workers',
        level: 'stops',
        what: `no worker polls ${queue}: nothing moves until one does`,
        fix: 'start one: canary worker',
      }),
    ),
    ...clocks.map(
      ({ worker, aheadMs }): Finding => ({
        area: 'workers',
        level: 'warning',
        what: `the clock of ${shortIdentity(worker)} is ${describeSkew(aheadMs)}, so times that it writes are wrong`,
        fix: 'synchronize the clock of its machine (NTP); this is said for 90 s after that',
      }),
    ),
    ...compareVersions(pollers),
    ...compareConfigs(pollers.map(nameOf), hash),
  ];
}

const nameOf = ({ identity }: Poller) => identity ?? 'unnamed';
const versionOf = (poller: Poller) => versionIn(nameOf(poller)) ?? 'an unknown version';

/** What the server says of a worker that has just stopped. */
const STOPPED = 'one that has stopped is listed for 90 s';

/** Two versions at a time: an upgrade that is not finished, unless Temporal keeps each run on its own. */
function compareVersions(pollers: Poller[]): Finding[] {
  const versions = [...new Set(pollers.map(versionOf))].sort();
  if (versions.length < 2) return [];
  const { WORKER_VERSIONING_MODE_VERSIONED: VERSIONED } = proto.temporal.api.enums.v1.WorkerVersioningMode;
  const areVersioned = pollers.every(({ deploymentOptions }) => deploymentOptions?.workerVersioningMode === VERSIONED);
  const who = versions.map((version) => {
    const those = pollers
      .filter((poller) => versionOf(poller) === version)
      .map((poller) => nameOf(poller).split('/')[0]);
    return `${version} (${[...new Set(those)].join(', ')})`;
  });
  const what = `workers run ${versions.length} versions: ${who.join(', ')}`;
  if (areVersioned) return [{ area: 'workers', level: 'note', what: `${what}, each with its own runs` }];
  return [
    {
      area: 'workers',
      level: 'warning',
      what: `${what}, and any of them may take any run`,
      fix: `finish the upgrade: restart those of the old version (docs/runbook/upgrade.md), or run them as a Worker Deployment (docs/operations.md); ${STOPPED}`,
    },
  ];
}

function compareConfigs(identities: string[], hash: string | null): Finding[] {
  const workers = [...new Set(identities)].sort();
  const hashes = [...new Set(workers.map((identity) => hashIn(identity) ?? ''))];
  const found = workers.map((identity): Finding => {
    const own = hashIn(identity);
    if (hash === null || own === hash)
      return { area: 'workers', level: 'ok', what: `${shortIdentity(identity)} polls` };
    return {
      area: 'workers',
      level: 'note',
      what: `${shortIdentity(identity)} runs with ${difference([own ?? '', hash])} than this shell`,
      fix: "run doctor with the worker's environment, or restart the worker with this one",
    };
  });
  if (hashes.length < 2) return found;
  const warning: Finding = {
    area: 'workers',
    level: 'warning',
    what: `workers run with ${difference(hashes)}, and any of them may plan a release: ${workers.map(shortIdentity).join(', ')}`,
    fix: `restart them with one configuration; ${STOPPED}`,
  };
  return [warning, ...found];
}

/** Names the settings that differ, never a value. */
function difference([first = '', ...others]: string[]): string {
  const names = new Set(others.flatMap((other) => differingSettings(first, other)));
  return names.size > 0 ? `another ${[...names].join(', ')}` : 'another configuration';
}
