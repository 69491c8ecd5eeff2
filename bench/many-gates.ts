import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { gateLane, type Lane, parseLane } from '../src/contract/ids.js';
import { type Digest, parseRepository, type Repository } from '../src/contract/image.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../src/temporal/namespace.js';
import { startRegistry } from '../testbed/registry-server.js';
import { repositoryRoot } from '../testbed/tools.js';
import { adopt, publish } from './first-day.js';
import { startFleet, TOKEN } from './fleet-process.js';

export const SHA = `0000002${'b'.repeat(33)}`;
const WORKERS = parseLane('');

export interface ManyGates {
  client: Client;
  connection: Connection;
  lanes: Lane[];
  /** The gates file. */
  file: string;
  /** Address of the registry, and the image of a gate in it. */
  registry: string;
  imageOf(lane: Lane): Repository;
  /** The workers, which serve all gates. */
  workers: ChildProcess[];
  /** Adopts what is live of every gate. */
  adoptAll(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a registry, one tenant, and workers that serve so many gates of one file, each with an image and one build. */
export async function startManyGates(
  address: string,
  {
    count,
    workers,
    heapMb = 0,
    env = {},
  }: { count: number; workers: number; heapMb?: number; env?: NodeJS.ProcessEnv },
): Promise<ManyGates> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-bench-'));
  const [registry, fleet] = await Promise.all([startRegistry(), startFleet(1)]);
  const connection = await Connection.connect({ address });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  const client = new Client({ connection });
  const names = Array.from({ length: count }, (_, index) => `gate-${index + 1}`);
  const lanes = names.map((name) => gateLane(WORKERS, name));
  const pathOf = (name: string) => `${name}/platform`;
  const imageOf = (lane: Lane) => parseRepository(`${registry.host}/${pathOf(names[lanes.indexOf(lane)] ?? '')}`);
  const file = join(folder, 'gates.json');
  const gates = lanes.map((lane, index) => [names[index], { CANARY_IMAGES: imageOf(lane) }]);
  writeFileSync(file, JSON.stringify({ gates: Object.fromEntries(gates) }));
  const live: Digest[] = [];
  for (const name of names) live.push(await publish(registry.host, pathOf(name), SHA));
  await fleet.deploy({ sha: SHA });
  const heap = heapMb > 0 ? [`--max-old-space-size=${heapMb}`] : [];
  const processes = Array.from({ length: workers }, () =>
    spawn(process.execPath, [...heap, join(repositoryRoot, 'bin', 'canary.js'), 'worker'], {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        // As the image and the unit of systemd set it.
        MALLOC_MMAP_THRESHOLD_: '65536',
        TEMPORAL_ADDRESS: address,
        CANARY_GATES_FILE: file,
        CANARY_HTTP_ADDR: '127.0.0.1:0',
        CANARY_TENANT_URLS: fleet.urls.join(),
        CANARY_ADMIN_TOKENS: TOKEN,
        CANARY_UNSAFE: 'true',
        ...env,
      },
    }),
  );
  return {
    client,
    connection,
    lanes,
    file,
    registry: registry.host,
    imageOf,
    workers: processes,
    adoptAll: async () => {
      await Promise.all(
        lanes.map((lane, index) => adopt(client, lane, { repository: imageOf(lane), digest: live[index] ?? null })),
      );
    },
    stop: async () => {
      await Promise.all(processes.map(end));
      await connection.close();
      fleet.stop();
      await registry.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
}
