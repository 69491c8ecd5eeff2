import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadConfig } from '../src/config/load.js';
import { parseLane, releaseId, releaseLaneId, taskQueue } from '../src/contract/ids.js';
import { parseSha } from '../src/contract/sha.js';
import { createRegistry } from '../src/registry/registry.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { bundleWorkflows } from '../workers/bundle.js';
import { createWorker } from '../workers/create-worker.js';
import { excess, formula, GROWTH, requireWithin } from './growth.js';
import { eventsOfRuns, grantDelays, type HolderTimes, holderTimes } from './lane-times.js';
import { median, quantile, table, writeSection } from './report.js';

const BUILDS = 2_000;
/** Builds that wait at a time. */
const WAITING = 4;
/** Builds at the end whose grants are measured. */
const LAST = 100;
const MIB = 2 ** 20;

/** Measures how soon the next of many builds holds the lane, and what the lane keeps of them. */
export async function benchLane(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const [server, workflowBundle] = await Promise.all([
    startTemporalServer(),
    bundleWorkflows(fileURLToPath(new URL('./lane-workflows.js', import.meta.url))),
  ]);
  const connection = await NativeConnection.connect({ address: server.address });
  const client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const config = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform' });
  const registry = createRegistry({ push: true });
  const worker = await createWorker(
    { connection, namespace: 'default' },
    { config, suite: [], registry, workflowBundle },
  );
  const running = worker.run();
  try {
    await throughLane(client, WAITING);
    const before = process.memoryUsage().rss;
    const began = performance.now();
    const handles = await throughLane(client, BUILDS, WAITING);
    const seconds = (performance.now() - began) / 1_000;
    const after = process.memoryUsage().rss;
    const times = await Promise.all(handles.slice(-LAST - 1).map(holderTimes));
    const delays = grantDelays(times.filter((one): one is HolderTimes => one !== null));
    const state = await laneClient(client, config.lane).state();
    const kib = Buffer.byteLength(JSON.stringify(state)) / 1024;
    const events = await eventsOfRuns(client, releaseLaneId(config.lane));
    const total = events.reduce((sum, one) => sum + one, 0);
    const rows = [
      [`the last ${delays.length} grants, median`, `${Math.round(median(delays))} ms`, ''],
      [`the last ${delays.length} grants, p95`, `${Math.round(quantile(delays, 0.95))} ms`, '1000 ms'],
      ['events of the lane per build', (total / (BUILDS + WAITING)).toFixed(1), ''],
      ['runs of the lane (continue-as-new)', `${events.length}`, ''],
      ['its state at the end', `${kib.toFixed(0)} KiB`, '256 KiB'],
      ['memory of the process, before', `${Math.round(before / MIB)} MiB`, ''],
      ['memory of the process, after', `${Math.round(after / MIB)} MiB`, ''],
    ];
    writeSection('lane', [
      `${BUILDS.toLocaleString('en')} builds passed one lane in ${Math.round(seconds)} s, one after the other. ` +
        'Each joins the queue as a release does, and ends as soon as it holds the lane. ' +
        `Up to ${WAITING} builds wait at a time, so the lane is never idle. ` +
        "A grant is the time from the end of one run until the next run knows that it holds the lane, by the server's clock. " +
        `The load of the machine was ${loadavg()[0]?.toFixed(0)} at the end: the rest of the time of a grant is the poll (up to 400 ms) and late answers. ` +
        `The memory is that of the worker and of the measuring process. Exit 1 beyond the formula: ${formula(GROWTH.laneEvents)}.`,
      table(['', 'measured', 'target, at most'], rows),
    ]);
    console.log(table(['', 'measured', 'target'], rows));
    requireWithin(excess(GROWTH.laneEvents, [{ count: BUILDS + WAITING, value: total }]));
  } finally {
    worker.shutdown();
    await running;
    await registry.close();
    await connection.close();
    await client.connection.close();
    await server.stop();
  }
}

let builds = 0;

/** Sends manual builds, which no newer one supersedes, and keeps `waiting` of them in the queue; handles in the order sent. */
async function throughLane(client: Client, count: number, waiting = count): Promise<WorkflowHandle[]> {
  const handles: WorkflowHandle[] = [];
  const send = async () => {
    while (handles.length < count) {
      builds += 1;
      const sha = parseSha(`${builds.toString(16).padStart(7, '0')}${'b'.repeat(33)}`);
      const lane = parseLane('');
      const options = { workflowId: releaseId(lane, sha), taskQueue: taskQueue(lane), args: [{ sha, manual: true }] };
      const sent = client.workflow.start('HoldLane', options);
      handles.push(client.workflow.getHandle(options.workflowId));
      await (await sent).result();
    }
  };
  await Promise.all(Array.from({ length: waiting }, send));
  return handles;
}
