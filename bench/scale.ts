import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { gateLane, type Lane, parseLane } from '../src/contract/ids.js';
import { parseRepository } from '../src/contract/image.js';
import { laneCommandSignal } from '../src/contract/messages.js';
import type { ReleaseReport } from '../src/contract/release.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { registerSearchAttributes } from '../src/temporal/namespace.js';
import { awaitRunEnd, outcomeOfRun } from '../src/temporal/runs.js';
import { startRelease } from '../src/temporal/start.js';
import { actions, actionsSince, totalOf } from '../testbed/actions.js';
import { pushBuild } from '../testbed/images.js';
import { startRegistry } from '../testbed/registry-server.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { repositoryRoot } from '../testbed/tools.js';
import { startFleet, TOKEN } from './fleet-process.js';
import { rowsOf, table, writeSection } from './report.js';

/** Releases at once, if the command does not say how many. */
const RELEASES = 1_000;
/** Limit of a worker's memory, in MB. */
const MOST_MB = 1_024;
const SHA = `0000002${'b'.repeat(33)}`;
const WORKERS = parseLane('');
/** Soak of the configuration as it is shipped, in minutes. */
const SOAK_MIN = 6;
/** Wait for the canaries to take the build, before the soak; as it is shipped, it would be half of the measurement. */
const UPDATE_CYCLE = '10s';

const HEAD = [
  'releases',
  'workers',
  'soak',
  'started a second',
  'all soak after',
  'soaks late by, median and worst',
  'all promoted after',
  'memory of a worker',
  'CPU of the workers, of Temporal',
  'Actions a release',
  'commit and day',
];

/** Measures one release on each of many gates, all at once. Each situation is a row of its own, and keeps the rows of the others. */
export async function benchScale(): Promise<void> {
  const [releases = RELEASES, workers = 1, minutes = SOAK_MIN] = process.argv.slice(3).map(Number);
  if (![releases, workers].every((count) => Number.isInteger(count) && count > 0) || !(minutes > 0))
    throw new Error('invalid arguments: expected npm run bench -- scale [releases] [workers] [minutes of soak]');
  const row = await measure(releases, workers, minutes);
  const before = rowsOf('scale').filter((one) => one.slice(0, 3).join() !== row.slice(0, 3).join());
  const rows = [...before, row].sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]));
  console.log(table(HEAD, [row]));
  writeSection('scale', [
    `One release on each of as many gates, started all at once, on one tenant, with the settings as they are shipped but for the soak and the update cycle, ${UPDATE_CYCLE}: a probe every 10 s. ` +
      `A soak is late by what it took beyond its time. Actions are those of the lanes, too, by the server's own counter. A worker may take at most ${MOST_MB} MB. Temporal's dev server has one core. Each row is a run of its own.`,
    table(HEAD, rows),
  ]);
}

async function measure(count: number, workers: number, minutes: number): Promise<string[]> {
  const soakMs = minutes * 60_000;
  const folder = mkdtempSync(join(tmpdir(), 'canary-bench-'));
  const [temporal, registry, fleet] = await Promise.all([startTemporalServer(), startRegistry(), startFleet(1)]);
  const connection = await Connection.connect({ address: temporal.address });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  const client = new Client({ connection });
  const names = Array.from({ length: count }, (_, index) => `gate-${index + 1}`);
  const repository = (name: string) => `${registry.host}/${name}/platform`;
  const file = join(folder, 'gates.json');
  writeFileSync(
    file,
    JSON.stringify({ gates: Object.fromEntries(names.map((name) => [name, { CANARY_IMAGES: repository(name) }])) }),
  );
  for (const name of names) await publish(registry.host, `${name}/platform`, client, gateLane(WORKERS, name));
  await fleet.deploy({ sha: SHA });
  const processes = Array.from({ length: workers }, () =>
    spawn(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), 'worker'], {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        TEMPORAL_ADDRESS: temporal.address,
        CANARY_GATES_FILE: file,
        CANARY_HTTP_ADDR: '127.0.0.1:0',
        CANARY_TENANT_URLS: fleet.urls.join(),
        CANARY_ADMIN_TOKENS: TOKEN,
        CANARY_UNSAFE: 'true',
        CANARY_SOAK: `${soakMs}ms`,
        CANARY_UPDATE_CYCLE: UPDATE_CYCLE,
      },
    }),
  );
  try {
    await delay(5_000);
    const before = await actions(temporal.metricsUrl);
    const began = Date.now();
    const handles = [];
    for (const name of names)
      handles.push(await startRelease(client, gateLane(WORKERS, name), parseReleaseInput({ sha: SHA })));
    const startedMs = Date.now() - began;
    console.log(`${count} started after ${seconds(startedMs)}`);
    const ends = await Promise.all(handles.map((handle) => awaitRunEnd(handle)));
    const took = Date.now() - began;
    const paid = totalOf(actionsSince(await actions(temporal.metricsUrl), before));
    const bad = ends.filter((end) => outcomeOfRun(end) !== 'promoted');
    if (bad.length > 0)
      throw new Error(`invalid measurement: ${bad.length} releases were not promoted, e.g. ${JSON.stringify(bad[0])}`);
    const reports = ends.map(({ report }) => report as ReleaseReport);
    const soaks = reports.map(({ phases }) => phases.find(({ phase }) => phase === 'soaking'));
    const lastSoak = Math.max(...soaks.map((soak) => Date.parse(soak?.since ?? ''))) - began;
    const late = soaks.map((soak) => (soak?.ms ?? 0) - soakMs).sort((a, b) => a - b);
    const used = processes.map((child) => usage(child.pid));
    const server = usage(temporal.pid);
    const most = Math.max(...used.map(({ mb }) => mb));
    if (most > MOST_MB) process.exitCode = 1;
    return [
      `${count}`,
      `${workers}`,
      `${minutes} min`,
      (count / (startedMs / 1_000)).toFixed(0),
      seconds(lastSoak),
      `${seconds(late[late.length >> 1] ?? 0)}, ${seconds(late.at(-1) ?? 0)}`,
      seconds(took),
      used.map(({ mb }) => `${mb} MB`).join(', '),
      [...used, server].map(({ cpu }) => `${cpu} s`).join(', '),
      (paid / count).toFixed(0),
      `${commit()}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0]?.toFixed(0)}`,
    ];
  } finally {
    await Promise.all(processes.map(end));
    await connection.close();
    fleet.stop();
    await Promise.all([temporal.stop(), registry.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** Pushes the build and an earlier `:latest` of a gate, and adopts that. */
async function publish(host: string, name: string, client: Client, lane: Lane): Promise<void> {
  const spec = { registry: host, repository: name };
  const { digest } = await pushBuild({ ...spec, sha: `0000001${'a'.repeat(33)}`, tag: 'latest' });
  await pushBuild({ ...spec, sha: SHA, tag: `staging-${SHA.slice(0, 7)}` });
  const images = [{ repository: parseRepository(`${host}/${name}`), digest }];
  await laneClient(client, lane).signal(laneCommandSignal('adopt'), { by: 'bench', reason: 'first day', images });
}

/** Highest memory and the CPU time of a process. */
function usage(pid: number | undefined): { mb: number; cpu: number } {
  const high = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return { mb: Math.round(Number(high) / 1024), cpu: Math.round((Number(stat[11]) + Number(stat[12])) / 100) };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** The commit that was measured. */
const commit = () =>
  execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: repositoryRoot, encoding: 'utf8' }).trim();

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
