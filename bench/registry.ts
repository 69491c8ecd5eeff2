import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRegistry } from '../src/registry/registry.js';
import { pushBuild } from '../testbed/images.js';
import { startRegistry } from '../testbed/registry-server.js';
import { tool } from '../testbed/tools.js';
import { moveOnce } from './move-once.js';
import { PACKAGED_CLI } from './packaged-cli.js';
import { median, quantile, table, writeSection } from './report.js';
import { startSlowProxy } from './slow-proxy.js';

const WARM_UP = 3;
const RUNS = 30;
const DELAY_MS = 50;
/** What a command could take at least. */
const PLAIN_MOVE = join(import.meta.dirname, 'plain-move.js');
const NAMES = ['molecule-ai/platform', 'molecule-ai/platform-tenant'];
const SHAS = ['4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31', 'c5a07f46d2e91b8370fa4c5d6e182b9073ac5fe4'];

/** Program that moves `:latest` of both images to a build. */
interface Contestant {
  name: string;
  move: (build: Build) => Promise<void>;
}
interface Build {
  sha: string;
  tag: string;
  digests: string[];
}

/** Moves `:latest` of both images back and forth, with the gate and with other tools, direct and with a network delay. */
export async function benchRegistry(): Promise<void> {
  const server = await startRegistry();
  const proxy = await startSlowProxy(server.host, DELAY_MS);
  try {
    const builds = await Promise.all(SHAS.map((sha) => publish(server.host, sha)));
    const direct = await race(server.host, builds);
    const delayed = await race(proxy.host, builds);
    const crane = (rows: Row[]) => rows.find(({ name }) => name.startsWith('crane'));
    const toCrane = (of: 'median' | 'least', row: Row, rows: Row[]) =>
      (row[of] / (crane(rows)?.[of] ?? Number.NaN)).toFixed(2);
    const cells = (row: Row, rows: Row[]) => [
      `${row.median.toFixed(1)} (${row.p90.toFixed(1)})`,
      row.least.toFixed(1),
      row.name.startsWith('crane') ? '1' : `${toCrane('median', row, rows)}, ${toCrane('least', row, rows)}`,
    ];
    const head = ['', 'direct', 'fastest', 'ratio', `+${DELAY_MS} ms a request`, 'fastest', 'ratio'];
    const rows = direct.map((row, index) => [
      row.name,
      ...cells(row, direct),
      ...cells(delayed[index] as Row, delayed),
    ]);
    const versions = ['registry', 'crane']
      .map((name) => `${name} ${tool(name as 'crane')?.version ?? 'none'}`)
      .join(', ');
    writeSection('registry', [
      `\`:latest\` of both images moves to the other of two builds (indexes of two platforms), ${RUNS} times after ${WARM_UP} warm-up moves. ` +
        `The table shows the median in ms (p90), the fastest, and the ratio of both to crane, direct and with ${DELAY_MS} ms added to each request by a proxy. ` +
        'The fastest tells most, for the machine does other work: what needs more of the processor waits for it more often. ' +
        'The gate reads `:latest`, writes both tags at once and reads both back; as a command in a process of its own it also looks, beside that, for copies of the ledger, and whether the builds are whole. ' +
        'The program of 30 lines (`bench/plain-move.ts`) reads, writes and reads back, and checks nothing: no command in Node is faster. ' +
        'Target of the command: 1.5 and 0.35. Of its CPU the start of Node takes 20 %, loading code 33 %, the settings 8 %, asking this machine by https first 10 %, and the other 14 requests 29 % ' +
        '(`process.cpuUsage()` at 05088d2); with the delay, three answers in a row are half of its time. ' +
        `The write lease of Temporal is not included. ${versions}.`,
      table(head, rows),
    ]);
    console.log(table(head, rows));
  } finally {
    await proxy.stop();
    await server.stop();
  }
}

async function publish(registry: string, sha: string): Promise<Build> {
  const tag = `staging-${sha.slice(0, 7)}`;
  const digests = await Promise.all(
    NAMES.map(async (repository) => (await pushBuild({ registry, repository, tag, sha })).digest),
  );
  return { sha, tag, digests };
}

interface Row {
  name: string;
  median: number;
  p90: number;
  least: number;
}

async function race(host: string, builds: Build[]): Promise<Row[]> {
  const repositories = NAMES.map((name) => `${host}/${name}`);
  const registry = createRegistry({ push: true });
  const contestants: Contestant[] = [
    { name: 'canary, warm', move: ({ digests }) => moveOnce(registry, repositories, digests) },
    {
      name: 'canary rollback --direct --force',
      move: ({ sha }) =>
        run(
          process.execPath,
          [PACKAGED_CLI, 'rollback', sha, '--direct', '--force', '--by', 'bench', '--reason', 'bench'],
          {
            CANARY_IMAGES: repositories.join(),
          },
        ),
    },
    {
      name: 'a program of 30 lines, in Node alone',
      move: ({ tag }) => run(process.execPath, [PLAIN_MOVE, host, tag, ...NAMES]),
    },
    ...craneLike('crane', tool('crane')?.path, repositories, (image, tag) => [
      ['digest', `${image}:${tag}`],
      ['tag', `${image}:${tag}`, 'latest'],
      ['digest', `${image}:latest`],
    ]),
    ...craneLike('regctl', onPath('regctl'), repositories, (image, tag) => [
      ['image', 'digest', `${image}:${tag}`],
      ['image', 'copy', `${image}:${tag}`, `${image}:latest`],
      ['image', 'digest', `${image}:latest`],
    ]),
  ];
  const times = contestants.map((): number[] => []);
  // In alternation, so that noise on the machine affects all alike.
  for (let round = 0; round < WARM_UP + RUNS; round += 1)
    for (const [index, contestant] of contestants.entries()) {
      const began = performance.now();
      await contestant.move(builds[(round + index) % builds.length] as Build);
      if (round >= WARM_UP) times[index]?.push(performance.now() - began);
    }
  await registry.close();
  return contestants.map(({ name }, index) => ({
    name,
    median: median(times[index] ?? []),
    p90: quantile(times[index] ?? [], 0.9),
    least: Math.min(...(times[index] ?? [])),
  }));
}

function craneLike(
  name: string,
  path: string | undefined,
  images: string[],
  commands: (image: string, tag: string) => string[][],
): Contestant[] {
  if (path === undefined) return [];
  const move = async ({ tag }: Build) => {
    for (const image of images) for (const args of commands(image, tag)) await run(path, args);
  };
  return [{ name: `${name} digest + ${name === 'crane' ? 'tag' : 'copy'} + digest`, move }];
}

/** Runs a command asynchronously, because the proxy lives in this process. */
async function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  await promisify(execFile)(command, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } });
}

function onPath(command: string): string | undefined {
  return spawnSync(command, ['version'], { stdio: 'ignore' }).status === 0 ? command : undefined;
}
