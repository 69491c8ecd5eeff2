import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ledgerTag } from '../src/ledger/store.js';
import { tagDigest } from '../testbed/images.js';
import { startTemporalProxy } from '../testbed/temporal-proxy.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { type ManyGates, startManyGates } from './many-gates.js';
import { PACKAGED_CLI } from './packaged-cli.js';
import { median, table, writeSection } from './report.js';

/** Gates of the file, if the command does not say how many. */
const GATES = 300;
const RUNS = 5;
/** Longest time of a status, in milliseconds. */
const MOST_MS = 5_000;
/** Interval at which the copies of the ledgers are counted, in milliseconds. */
const COUNT_MS = 1_000;

/** Measures `canary status` over all gates of one file, whose lanes have adopted and are idle; also while Temporal's listing is silent. */
export async function benchStatusGates(): Promise<void> {
  const [count = GATES] = process.argv.slice(3).map(Number);
  const temporal = await startTemporalServer();
  const gates = await startManyGates(temporal.address, { count, workers: 1 });
  const proxy = await startTemporalProxy(temporal.address, (call) =>
    call === 'ListWorkflowExecutions' ? 'silent' : undefined,
  );
  try {
    await gates.adoptAll();
    await idle(gates);
    const rows: string[][] = [];
    for (const [name, address] of [
      ['all of Temporal answers', temporal.address],
      ['its listing is silent', proxy.address],
    ] as const) {
      const results: Status[] = [];
      for (let run = 0; run < RUNS; run += 1) results.push(await status(gates.file, address));
      const times = results.map(({ ms }) => ms).sort((a, b) => a - b);
      const last = results.at(-1)?.lines ?? [];
      const shown = results.map(({ lines }) => lines.filter((line) => / gate-\d+ +live /.test(line)).length);
      if (Math.max(...times) > MOST_MS || (address === proxy.address) !== last.some((line) => line.startsWith('RUNS ')))
        process.exitCode = 1;
      const unknown = last
        .filter((line) => /^(RUNS|GATES|WORKERS) /.test(line))
        .map((line) => `\`${line.replace(/ +/, ' ')}\``);
      rows.push([name, `${median(times)} ms`, `${times.at(-1)} ms`, `${Math.min(...shown)}`, unknown.join(', ')]);
    }
    console.log(table(HEAD, rows));
    writeSection('status-gates', [
      `\`canary status\` over ${count} gates of one \`CANARY_GATES_FILE\`, which one worker serves. Their lanes have adopted \`:latest\` and are idle. Each status is a cold process of a package, ${RUNS} times; exit 1 if one takes more than ${MOST_MS / 1_000} s, or does not say what it could not ask.`,
      table(HEAD, rows),
    ]);
  } finally {
    await proxy.stop();
    await gates.stop();
    await temporal.stop();
  }
}

const HEAD = ['', 'median', 'slowest', 'gates shown, at least', 'what it says it lacks'];

/** Waits until every lane has kept the copy of its ledger: then it has nothing to do. */
async function idle({ lanes, registry, imageOf }: ManyGates): Promise<void> {
  for (const lane of lanes) {
    const path = imageOf(lane).slice(registry.length + 1);
    while ((await tagDigest(registry, path, ledgerTag(lane))) === undefined) await delay(COUNT_MS);
  }
}

interface Status {
  ms: number;
  lines: string[];
}

/** Runs the command in a process of its own; this one answers for Temporal meanwhile. */
async function status(file: string, address: string): Promise<Status> {
  const began = performance.now();
  const child = spawn(process.execPath, [PACKAGED_CLI, 'status'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TEMPORAL_ADDRESS: address, CANARY_GATES_FILE: file },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`canary status: exit ${code}`);
  return { ms: Math.round(performance.now() - began), lines: text.split('\n') };
}
