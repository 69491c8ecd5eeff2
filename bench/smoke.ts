import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { PlannedTenant } from '../src/contract/release.js';
import { verdictOf } from '../src/contract/tenants/check.js';
import { defaultSuite } from '../src/smoke/default-suite.js';
import type { Access } from '../src/smoke/session.js';
import { smokeFleet } from '../src/smoke/smoke-tenant.js';
import { PACKAGED_CLI } from './packaged-cli.js';
import { median, table, writeSection } from './report.js';

const TENANTS = [1, 10, 100];
const DELAYS_MS = [0, 50, 200];
const RUNS = 5;
/** Limit of a suite for the tenant that hangs, shortened. */
const HUNG_LIMIT_MS = 3_000;
const TOKEN = 'token-of-the-bench';

type Fleet = (PlannedTenant & { access: Access })[];

/** Measures the default suite on tenants that answer after a delay, compared with a script in the same environment. */
export async function benchSmoke(): Promise<void> {
  const script = peerOf(process.argv.slice(3));
  const rows: string[][] = [];
  const medians = new Map<string, number>();
  for (const delayMs of DELAYS_MS) {
    const farm = await startFarm(Math.max(...TENANTS), delayMs);
    try {
      for (const count of TENANTS) {
        const fleet = fleetOf(farm.ports.slice(0, count));
        const times = await timed(RUNS, () => smokeGreen(fleet));
        medians.set(`${count}/${delayMs}`, median(times));
        const isShort = count * (delayMs + 10) <= 250;
        const [processes, peers] = await inTurn(fleet, script, isShort ? RUNS : 1);
        const peer = peers.length > 0 ? [ms(median(peers)), (median(processes) / median(peers)).toFixed(2)] : [];
        rows.push([`${count}`, `${delayMs} ms`, ms(median(times)), ms(median(processes)), ...peer]);
        console.log(rows.at(-1)?.join('  '));
      }
    } finally {
      farm.stop();
    }
  }
  const ratio = (medians.get('100/200') ?? Number.NaN) / (medians.get('1/200') ?? Number.NaN);
  const hung = await hungAdds();
  writeSection('smoke', [
    `The six checks of the default suite on tenants on this machine that delay each answer; the median of ${RUNS} runs. ` +
      `At 200 ms, 100 tenants take ${ratio.toFixed(2)} × the time of one. ` +
      `If one tenant of 10 hangs, with a limit of ${ms(HUNG_LIMIT_MS)} for a suite, the fleet takes ${ms(hung.wholeMs)} and the other nine finish after ${ms(hung.othersMs)}. ` +
      `The process uses ${hung.rssMb} MB at most.` +
      `${script ? ` \`${script.split('/').at(-1)}\` has the same environment, and asks one tenant after the other. It and \`canary smoke\`, as whole processes, ran in turn; if it takes longer than some seconds, it ran once. Target of \`canary smoke\` on 10 tenants without a delay: 0.4 of the script.` : ''}`,
    table(
      ['tenants', 'delay of an answer', 'in a worker', 'canary smoke', ...(script ? ['script', 'ratio'] : [])],
      rows,
    ),
  ]);
  console.log({ ratio, ...hung });
}

function peerOf(args: string[]): string | null {
  const at = args.indexOf('--peer-smoke');
  const script = args[at + 1];
  if (at >= 0 && !script) throw new Error('--peer-smoke: expected the path of a script');
  return at >= 0 ? (script ?? null) : null;
}

const ms = (value: number) => `${Math.round(value)} ms`;

const fleetOf = (ports: number[]): Fleet =>
  ports.map((port, index) => ({
    name: `canary-${index + 1}`,
    origin: `http://127.0.0.1:${port}`,
    access: { token: TOKEN, headers: {} },
  }));

async function smokeGreen(fleet: Fleet): Promise<void> {
  const verdict = verdictOf(await smokeFleet(fleet, { suite: defaultSuite }));
  if (verdict !== 'pass') throw new Error(`invalid measurement: expected pass, got ${verdict}`);
}

/** Times `runs` runs. With `warmUp` a first run does not count. */
async function timed(runs: number, run: () => Promise<void>, warmUp = true): Promise<number[]> {
  const times: number[] = [];
  if (warmUp) await run();
  while (times.length < runs) {
    const began = performance.now();
    await run();
    times.push(performance.now() - began);
  }
  return times;
}

/** Times of `canary smoke`, and of the script; in turn, so that noise on the machine affects both alike. */
async function inTurn(fleet: Fleet, script: string | null, peerRuns: number): Promise<[number[], number[]]> {
  const [own, peer]: [number[], number[]] = [[], []];
  await runProcess(fleet);
  for (let round = 0; round < RUNS; round += 1) {
    own.push(...(await timed(1, () => runProcess(fleet), false)));
    if (script && round < peerRuns) peer.push(...(await timed(1, () => runPeer(script, fleet), false)));
  }
  return [own, peer];
}

async function runProcess(fleet: Fleet): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    CANARY_TENANT_URLS: fleet.map(({ origin }) => origin).join(),
    CANARY_ADMIN_TOKENS: fleet.map(() => TOKEN).join(),
  };
  const child = spawn(process.execPath, [PACKAGED_CLI, 'smoke'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`canary smoke ended with ${code}`);
}

async function runPeer(script: string, fleet: Fleet): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    CANARY_TENANT_URLS: fleet.map(({ origin }) => origin).join(' '),
    CANARY_ADMIN_TOKENS: fleet.map(() => TOKEN).join(' '),
    CANARY_CP_BASE_URL: 'http://127.0.0.1:9',
  };
  const child = spawn('bash', [script], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
}

async function hungAdds() {
  const farm = await startFarm(10, 0, true);
  const others: number[] = [];
  const began = performance.now();
  const options = { suite: defaultSuite, waits: { suiteMs: HUNG_LIMIT_MS } };
  await smokeFleet(fleetOf(farm.ports), options, (_result, index) => {
    if (index > 0) others.push(performance.now() - began);
  });
  const wholeMs = performance.now() - began;
  farm.stop();
  // Peak of the kernel, in kB.
  return { wholeMs, othersMs: Math.max(...others), rssMb: Math.round(process.resourceUsage().maxRSS / 1024) };
}

/** Starts tenants in a separate process, so that their work and memory do not count. */
async function startFarm(count: number, delayMs: number, firstHangs = false) {
  const args = [fileURLToPath(import.meta.url), 'farm', String(count), String(delayMs), String(firstHangs)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ports: number[] = [];
  for await (const chunk of child.stdout) {
    ports.push(...(JSON.parse(String(chunk)) as number[]));
    break;
  }
  return { ports, stop: () => child.kill() };
}

async function farm(count: number, delayMs: number, firstHangs: boolean): Promise<void> {
  const ports = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      let memory = '';
      const server = createServer(async (request, response) => {
        let text = '';
        for await (const chunk of request) text += chunk;
        if (firstHangs && index === 0) return;
        const { pathname } = new URL(request.url ?? '/', 'http://tenant');
        if (request.method === 'POST') memory = (JSON.parse(text) as { content: string }).content;
        const known = request.headers.authorization === `Bearer ${TOKEN}`;
        const body =
          pathname === '/admin/liveness'
            ? { subsystems: { db: 'ok' } }
            : pathname === '/memories/search'
              ? [{ content: memory }]
              : [];
        const status = known ? (request.method === 'POST' ? 201 : 200) : 401;
        setTimeout(() => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(request.method === 'POST' ? { id: 'mem-1' } : body));
        }, delayMs);
      });
      return new Promise<number>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
      );
    }),
  );
  process.stdout.write(JSON.stringify(ports));
  // The process ends with its parent.
  process.stdin.resume().once('end', () => process.exit(0));
}

const [, own, role, count, delayMs, firstHangs] = process.argv;
if (own === fileURLToPath(import.meta.url) && role === 'farm')
  await farm(Number(count), Number(delayMs), firstHangs === 'true');
