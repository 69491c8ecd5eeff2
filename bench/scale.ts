import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { ReleaseReport } from '../src/contract/release.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { awaitRunEnd, outcomeOfRun } from '../src/temporal/runs.js';
import { startRelease } from '../src/temporal/start.js';
import { actions, actionsSince, totalOf } from '../testbed/actions.js';
import { startTemporalOnPostgres } from '../testbed/postgres-temporal.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { repositoryRoot } from '../testbed/tools.js';
import { SHA, startManyGates } from './many-gates.js';
import { rowsOf, table, writeSection } from './report.js';

/** Releases at once, if the command does not say how many. */
const RELEASES = 1_000;
/** Limit of a worker's memory, in MB. */
const MOST_MB = 1_024;
/** Soak of the configuration as it is shipped, in minutes. */
const SOAK_MIN = 6;
/** Folder of the programs of a Temporal server (bench/README.md). */
const SERVER = process.env.CANARY_BENCH_SERVER;
/** Time between two probes of a soak as it is shipped, in seconds. */
const PROBE_S = 10;
/** Wait for the canaries to take the build, before the soak; as it is shipped, it would be half of the measurement. */
const UPDATE_CYCLE = '10s';
/** Most minutes after the soak in which all are to be promoted; then the others are counted as not promoted. */
const MOST_MIN = 30;
/** Interval at which the releases that run are counted, in milliseconds. A long poll for each would take the namespace's places for long polls from the worker. */
const COUNT_MS = 1_000;
/** Interval at which their number is printed, in milliseconds. */
const TELL_MS = 15_000;

const HEAD = [
  'releases',
  'workers',
  'soak',
  'heap of a worker, at most',
  'promoted',
  'started a second',
  'all soak after',
  'soaks late by, median and worst',
  'all promoted after',
  'memory of a worker',
  'CPU of the workers, of Temporal',
  'Actions a release',
  'workflow tasks, timed out',
  'commit and day',
];

/** Measures one release on each of many gates, all at once. Each situation is a row of its own, and keeps the rows of the others. */
export async function benchScale(): Promise<void> {
  const [releases = RELEASES, workers = 1, minutes = SOAK_MIN, heapMb = 0, probeS = PROBE_S] = process.argv
    .slice(3)
    .map(Number);
  const isWhole = [releases, workers, probeS].every((count) => Number.isInteger(count) && count > 0);
  if (!isWhole || !(minutes > 0 && heapMb >= 0))
    throw new Error(
      'invalid arguments: expected npm run bench -- scale [releases] [workers] [minutes of soak] [MB of heap] [seconds between probes]',
    );
  const row = await measure({ count: releases, workers, minutes, heapMb, probeS });
  const before = rowsOf('scale').filter((one) => one.slice(0, 4).join() !== row.slice(0, 4).join());
  const rows = [...before, row].sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]));
  console.log(table(HEAD, [row]));
  writeSection('scale', [
    `One release on each of as many gates, started all at once, on one tenant, with the settings as they are shipped but for the soak and the update cycle, ${UPDATE_CYCLE}: a probe every ${PROBE_S} s, if the row does not say otherwise. ` +
      `A soak is late by what it took beyond its time. Actions are those of the lanes, too, and so are workflow tasks, by the server's own counters; a task that its worker does not take or end in time is given again. ` +
      `A worker may take at most ${MOST_MB} MB. The heap is what \`--max-old-space-size\` says. Temporal's dev server has one core. Each row is a run of its own.`,
    table(HEAD, rows),
  ]);
}

interface Situation {
  count: number;
  workers: number;
  minutes: number;
  /** Limit of the heap of a worker, in MB; 0: as Node sets it. */
  heapMb: number;
  /** Seconds between two probes of a soak. */
  probeS: number;
}

async function measure({ count, workers, minutes, heapMb, probeS }: Situation): Promise<string[]> {
  const soakMs = minutes * 60_000;
  const temporal = await startTemporal();
  const gates = await startManyGates(temporal.address, {
    count,
    workers,
    heapMb,
    env: {
      CANARY_SOAK: `${soakMs}ms`,
      CANARY_SOAK_PROBE: `${probeS}s`,
      CANARY_UPDATE_CYCLE: UPDATE_CYCLE,
    },
  });
  const { client, lanes, workers: processes } = gates;
  try {
    await gates.adoptAll();
    const before = await actions(temporal.metricsUrl);
    const began = Date.now();
    const handles = [];
    for (const lane of lanes) handles.push(await startRelease(client, lane, parseReleaseInput({ sha: SHA })));
    const startedMs = Date.now() - began;
    console.log(`${count} started after ${seconds(startedMs)}`);
    const running = await untilEnded(client, began + soakMs + MOST_MIN * 60_000);
    const took = Date.now() - began;
    const paid = totalOf(actionsSince(await actions(temporal.metricsUrl), before));
    const reports = await reportsOf(handles, running);
    if (reports.length < count) process.exitCode = 1;
    const soaks = reports.flatMap(({ phases }) => phases.filter(({ phase }) => phase === 'soaking').slice(0, 1));
    const lastSoak = Math.max(...soaks.map(({ since }) => Date.parse(since))) - began;
    const late = soaks.map(({ ms }) => ms - soakMs).sort((a, b) => a - b);
    const used = processes.map((child) => usage(child.pid));
    const server = usage(temporal.pid);
    const most = Math.max(...used.map(({ mb }) => mb));
    if (most > MOST_MB) process.exitCode = 1;
    return [
      `${count}`,
      `${workers}`,
      `${minutes} min${probeS === PROBE_S ? '' : `, a probe every ${probeS} s`}`,
      heapMb > 0 ? `${heapMb} MB` : '',
      `${reports.length}`,
      (count / (startedMs / 1_000)).toFixed(0),
      soaks.length > 0 ? seconds(lastSoak) : '',
      late.length > 0 ? `${seconds(late[late.length >> 1] ?? 0)}, ${seconds(late.at(-1) ?? 0)}` : '',
      seconds(took),
      used.map(({ mb }) => `${mb} MB`).join(', '),
      [...used, server].map(({ cpu }) => `${cpu} s`).join(', '),
      (paid / count).toFixed(0),
      await workflowTasks(temporal.metricsUrl),
      `${commit()}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0]?.toFixed(0)}${SERVER ? ', on PostgreSQL' : ''}`,
    ];
  } finally {
    await gates.stop();
    await temporal.stop();
  }
}

/** A dev server, or the server of a cluster on PostgreSQL if there is one. */
const startTemporal = () => (SERVER ? startTemporalOnPostgres(SERVER) : startTemporalServer());

/** Waits until no release runs, or the time is over; resolves to the ids of those that run. */
async function untilEnded(client: Client, deadline: number): Promise<Set<string>> {
  const query = "WorkflowType = 'CanaryRelease' AND ExecutionStatus = 'Running'";
  for (let told = 0; ; await delay(COUNT_MS)) {
    const { count } = await client.workflow.count(query);
    if (count === 0) return new Set();
    if (Date.now() > deadline) break;
    if (Date.now() - told > TELL_MS) {
      console.log(`${new Date().toISOString().slice(11, 19)} ${count} run`);
      told = Date.now();
    }
  }
  const running = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query })) running.add(workflowId);
  return running;
}

/** Reports of the releases that were promoted; says what became of the others. */
async function reportsOf(handles: WorkflowHandle[], running: Set<string>): Promise<ReleaseReport[]> {
  const reports: ReleaseReport[] = [];
  const others = new Map<string, number>([['still running', running.size]]);
  for (const handle of handles) {
    if (running.has(handle.workflowId)) continue;
    const end = await awaitRunEnd(handle);
    const outcome = outcomeOfRun(end);
    if (outcome === 'promoted') reports.push(end.report as ReleaseReport);
    else others.set(outcome, (others.get(outcome) ?? 0) + 1);
  }
  for (const [outcome, count] of others) if (count > 0) console.log(`not promoted: ${count} ${outcome}`);
  return reports;
}

/** Workflow tasks that were completed, and how many timed out: taken too late by the worker that had the run, or not ended in time. */
async function workflowTasks(metricsUrl: string): Promise<string> {
  const text = await (await fetch(metricsUrl)).text();
  const sum = (line: RegExp) => [...text.matchAll(line)].reduce((total, [, count]) => total + Number(count), 0);
  const late = sum(/^schedule_to_start_timeout\{[^}]*WorkflowTaskTimeout"[^}]*\} (\S+)$/gm);
  const unended = sum(/^start_to_close_timeout\{[^}]*WorkflowTaskTimeout"[^}]*\} (\S+)$/gm);
  return `${sum(/^workflow_tasks_completed\{[^}]*\} (\S+)$/gm)}, ${late} untaken, ${unended} unended`;
}

/** Highest memory and the CPU time of a process. */
function usage(pid: number | undefined): { mb: number; cpu: number } {
  const high = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return { mb: Math.round(Number(high) / 1024), cpu: Math.round((Number(stat[11]) + Number(stat[12])) / 100) };
}

/** The commit that was measured. */
const commit = () =>
  execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: repositoryRoot, encoding: 'utf8' }).trim();

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
