import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { pushBuild, retag } from '../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../testbed/memory-registry.js';
import { type RunningProcess, startProcess } from '../testbed/process.js';
import { digestOf, type RegistryRequest } from '../testbed/registry-store.js';
import { startTemporalServer, type TemporalServer } from '../testbed/temporal-server.js';
import { startTenant, type Tenant } from '../testbed/tenant.js';
import { repositoryRoot } from '../testbed/tools.js';

const TOKEN = 'token-of-the-bench';
const NAMES = ['platform', 'platform-tenant'];
/** Builds of a gate: the target of the rollback, the one that is live, and the next one. */
const BUILDS = { old: 'a', live: 'b', next: 'c' } as const;
export const shaOf = (build: keyof typeof BUILDS) => BUILDS[build].repeat(40);
const CANARY = join(repositoryRoot, 'bin', 'canary.js');

/** How a rollback went, by the log of the registry and its exit code. */
export interface Measured {
  firstPutS: number | null;
  endS: number;
  code: number;
  /** Last line that the command printed. */
  said: string;
}

/** Production of a gate, and the settings of the watch over it. */
interface Watched {
  names: string[];
  env: Record<string, string>;
}

/** A gate of its own, run by the product's command line alone: a lane, a registry, two tenants and a worker. */
export class Bed {
  readonly #workers: RunningProcess[] = [];
  readonly #children: { kill(): void }[] = [];

  private constructor(
    readonly lane: string,
    readonly registry: MemoryRegistry,
    readonly tenants: Tenant[],
    /** Production tenants, which the gate watches; none by default. */
    readonly production: Tenant[],
    readonly env: Record<string, string>,
    public temporal: TemporalServer,
    readonly client: Client,
    readonly oldDigests: string[],
    readonly folder: string,
  ) {}

  /** Opens a gate on which one build was promoted over another, on a server that keeps its runs if production is watched. */
  static async open(lane: string, watched: Watched = { names: [], env: {} }): Promise<Bed> {
    const folder = mkdtempSync(join(tmpdir(), 'canary-bench-'));
    const production = await Promise.all(watched.names.map((name) => startTenant({ name, token: TOKEN })));
    const [temporal, registry, ...tenants] = await Promise.all([
      startTemporalServer(watched.names.length > 0 ? { dbFile: databaseIn(folder) } : {}),
      startMemoryRegistry(),
      startTenant({ name: 'canary-1', token: TOKEN }),
      startTenant({ name: 'canary-2', token: TOKEN }),
    ]);
    const images = NAMES.map((name) => `${registry.host}/${name}`).join(',');
    const env = {
      PATH: process.env.PATH ?? '',
      TEMPORAL_ADDRESS: temporal.address,
      CANARY_LANE: lane,
      CANARY_IMAGES: images,
      CANARY_TENANT_URLS: tenants.map(({ url }) => url).join(','),
      CANARY_ADMIN_TOKENS: tenants.map(() => TOKEN).join(','),
      CANARY_UNSAFE: 'true',
      CANARY_SOAK: '0',
      CANARY_UPDATE_CYCLE: '0',
      CANARY_POLL: '200ms',
      ...(production.length > 0 && { CANARY_PROD_FLEET_FILE: writeFleet(folder, production) }),
      ...watched.env,
    };
    const oldDigests: string[] = [];
    for (const repository of NAMES) {
      for (const build of Object.keys(BUILDS) as (keyof typeof BUILDS)[]) {
        const tag = `staging-${shaOf(build).slice(0, 7)}`;
        const { digest } = await pushBuild({ registry: registry.host, repository, sha: shaOf(build), tag });
        if (build === 'old') oldDigests.push(digest);
      }
      await retag({ registry: registry.host, repository, from: `staging-${shaOf('old').slice(0, 7)}`, to: 'latest' });
    }
    const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
    const bed = new Bed(lane, registry, tenants, production, env, temporal, client, oldDigests, folder);
    await bed.canary('setup', '--by', 'bench');
    await bed.startWorker();
    for (const tenant of production) tenant.run({ sha: shaOf('live') });
    await bed.canary('promote', shaOf('live'), '--reason', 'the bench');
    for (const tenant of tenants) tenant.run({ sha: shaOf('next') });
    return bed;
  }

  /** File of the server, if it keeps its runs. */
  get databaseFile(): string {
    return databaseIn(this.folder);
  }

  async startWorker(env: Record<string, string> = {}): Promise<RunningProcess> {
    const worker = await startProcess(process.execPath, [CANARY, 'worker'], {
      env: { ...this.env, ...env },
      logFile: join(mkdtempSync(join(this.folder, 'worker-')), 'log'),
      ready: (output) => output.includes('worker.started'),
      timeoutMs: 60_000,
    });
    this.#workers.push(worker);
    return worker;
  }

  /** Worker that was started last. */
  get worker(): RunningProcess {
    return this.#workers.at(-1) as RunningProcess;
  }

  /** Starts a command. */
  start(...args: string[]) {
    const child = spawn(process.execPath, [CANARY, ...args], { env: this.env });
    this.#children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
      });
    return { said: () => said, exit: once(child, 'close').then(([code]) => code as number) };
  }

  /** Runs a command that must succeed. */
  async canary(...args: string[]): Promise<string> {
    const { said, exit } = this.start(...args);
    if ((await exit) !== 0) throw new Error(`canary ${args.join(' ')}: ${said()}`);
    return said();
  }

  /** Releases the next build, and waits until it is in a phase. */
  async releaseUntil(phase: string, ...args: string[]): Promise<void> {
    const release = this.start('release', shaOf('next'), '--wait', ...args);
    await this.until(`it is ${phase}`, () => release.said().includes(`${phase}: `));
  }

  /** Runs the rollback, and measures it. */
  async rollBack(...args: string[]): Promise<Measured> {
    const began = Date.now();
    const seconds = (at: number) => (at - began) / 1_000;
    const rollback = this.start('rollback', shaOf('old'), '--reason', 'the bench', ...args);
    const code = await rollback.exit;
    const endS = seconds(Date.now());
    const put = this.putSince(began);
    const said = rollback.said().trim().split('\n').at(-1) ?? '';
    return { firstPutS: put ? seconds(put) : null, endS, code, said };
  }

  /** Time of the first PUT of the build before since then; both are epochs in milliseconds. */
  putSince(began: number): number | undefined {
    const { requests } = this.registry;
    return requests.find((one) => one.at >= began && isPut(one) && this.oldDigests.includes(digestOf(one.body)))?.at;
  }

  async until(what: string, isTrue: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
    for (const deadline = Date.now() + ms; !(await isTrue()); await delay(50))
      if (Date.now() > deadline) throw new Error(`${this.lane}: waited in vain until ${what}`);
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill();
    for (const worker of this.#workers) await worker.kill('SIGKILL');
    await this.client.connection.close();
    const tenants = [...this.tenants, ...this.production].map((tenant) => tenant.stop());
    await Promise.all([this.temporal.stop(), this.registry.stop(), ...tenants]);
  }
}

const databaseIn = (folder: string) => join(folder, 'temporal.db');

function writeFleet(folder: string, tenants: Tenant[]): string {
  const file = join(folder, 'production.json');
  writeFileSync(join(folder, 'token'), TOKEN);
  const listed = tenants.map(({ name, url }) => ({ name, url, token: { file: 'token' } }));
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  return file;
}

export const isPut = ({ method, path }: RegistryRequest, name = '') =>
  method === 'PUT' && path.endsWith(`${name}/manifests/latest`);
