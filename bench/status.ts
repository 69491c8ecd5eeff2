import { spawnSync } from 'node:child_process';
import { Client, Connection } from '@temporalio/client';
import { parseLane } from '../src/contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { registerSearchAttributes } from '../src/temporal/namespace.js';
import { startRelease } from '../src/temporal/start.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { PACKAGED_CLI } from './packaged-cli.js';
import { table, writeSection } from './report.js';

/** Ended releases of the lane, at each measurement. */
const ENDED = [10, 1_000, 10_000];
/** Releases that are under way, at each measurement. */
const OPEN = 5;
const RUNS = 10;
/** Requests at once while the runs are made. */
const AT_ONCE = 16;
/** The largest growth of a command from the first measurement to the last. */
const MOST_GROWTH = 1.5;

const COMMANDS: Record<string, (sha: string) => string[]> = {
  'canary status': () => ['status'],
  'canary status <sha>': (sha) => ['status', sha],
  'canary report <sha>': (sha) => ['report', sha],
  'canary queue': () => ['queue'],
  'canary history': () => ['history'],
};

/** Measures the commands that tell of runs, on a namespace with thousands of runs that have ended. */
export async function benchStatus(): Promise<void> {
  const server = await startTemporalServer();
  const connection = await Connection.connect({ address: server.address });
  try {
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    const client = new Client({ connection });
    for (let index = 0; index < OPEN; index += 1) await release(client, index);
    const times = new Map(Object.keys(COMMANDS).map((name) => [name, [] as number[]]));
    let made = 0;
    for (const count of ENDED) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (made < count) await (await release(client, OPEN + made++)).terminate('ended by the benchmark');
        }),
      );
      await listed(client, count);
      for (const [name, args] of Object.entries(COMMANDS))
        times
          .get(name)
          ?.push(Math.min(...Array.from({ length: RUNS }, () => timed(args(shaOf(OPEN)), server.address))));
      console.log(`${count} ended: ${[...times].map(([name, taken]) => `${name} ${taken.at(-1)} ms`).join(', ')}`);
    }
    const rows = [...times].map(([name, taken]) => [
      name,
      ...taken.map((ms) => `${ms} ms`),
      ((taken.at(-1) ?? 0) / (taken[0] ?? 1)).toFixed(2),
    ]);
    if (rows.some((row) => Number(row.at(-1)) > MOST_GROWTH)) process.exitCode = 1;
    writeSection('status', [
      `Each command is a cold process of a package, without a worker, ${RUNS} times: the fastest, for the machine does other work. The lane has ${OPEN} open releases, and so many that have ended. Growth is from the first number to the last; exit 1 if one grows by more than ${MOST_GROWTH}.`,
      table(['command', ...ENDED.map((count) => `${count.toLocaleString('en')} ended`), 'growth'], rows),
    ]);
  } finally {
    await connection.close();
    await server.stop();
  }
}

const shaOf = (index: number) => (index + 1).toString(16).padStart(7, '0').padEnd(40, 'b');

async function release(client: Client, index: number) {
  return startRelease(client, parseLane('bench'), parseReleaseInput({ sha: shaOf(index), sequence: index + 1 }));
}

/** Waits until visibility shows every run. */
async function listed(client: Client, ended: number): Promise<void> {
  for (;;) {
    const { count } = await client.workflow.count("ExecutionStatus = 'Terminated'");
    if (count >= ended) return;
  }
}

function timed(args: string[], address: string): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [PACKAGED_CLI, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TEMPORAL_ADDRESS: address, CANARY_LANE: 'bench' },
  });
  if (status === null || status > 1) throw new Error(`canary ${args.join(' ')}: exit ${status}: ${stderr}`);
  return Math.round(performance.now() - began);
}
