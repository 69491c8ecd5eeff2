import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { atExit, type RunningProcess, startProcess } from './process.js';
import type { TemporalServer } from './temporal-server.js';

/** Where Debian puts the programs of PostgreSQL, a folder for each version. */
const DEBIAN = '/usr/lib/postgresql';
const PASSWORD = 'for-a-database-on-loopback';
/** Shards of the history service: each one does a single operation of the database at a time, and four were full with 300 gates. */
const SHARDS = 64;
const READY_MS = 60_000;
const RETENTION_MS = 24 * 60 * 60_000;

/**
 * Starts the Temporal server of a cluster, all four services in one process, on a PostgreSQL of its own.
 * @param binaries folder with `server` and `sql` of go.temporal.io/server/cmd (bench/README.md).
 */
export async function startTemporalOnPostgres(binaries: string): Promise<TemporalServer> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-postgres-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const forget = atExit(removeFolder);
  let postgres: RunningProcess | undefined;
  const release = async () => {
    await postgres?.stop();
    forget();
    removeFolder();
  };
  // PostgreSQL runs as another user where this process is root.
  chmodSync(folder, 0o777);
  try {
    const ports = (await freeSmallPorts(11)) as [number, ...number[]];
    postgres = await startPostgres(folder, ports[0]);
    createDatabases(join(binaries, 'sql'), ports[0]);
    const server = await startServer(join(binaries, 'server'), folder, ports);
    const [, frontend = 0] = ports;
    await createNamespace(`127.0.0.1:${frontend}`);
    return {
      address: `127.0.0.1:${frontend}`,
      metricsUrl: `http://127.0.0.1:${ports[10]}/metrics`,
      pid: server.pid,
      stop: () => server.stop().finally(release),
      kill: () => server.kill().finally(release),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Free ports in a row, below 2^15: the schema keeps them as `smallint`, and ports of the system are mostly above. */
async function freeSmallPorts(count: number): Promise<number[]> {
  for (let first = 20_000 + Math.floor(Math.random() * 10_000); ; first = 20_000 + ((first + count) % 10_000)) {
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** Starts a database on loopback, by the newest version that Debian has here. */
async function startPostgres(folder: string, port: number): Promise<RunningProcess> {
  const version = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))[0];
  const program = (name: string) => join(DEBIAN, `${version}`, 'bin', name);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD);
  // It refuses to run as root; Debian's package has a user for it.
  const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
  const initdb = [...asUser, program('initdb'), '-D', data, '-U', 'temporal', '--auth=scram-sha-256'];
  const [command = '', ...args] = [...initdb, `--pwfile=${passwordFile}`];
  execFileSync(command, args, { stdio: 'pipe' });
  const [run = '', ...options] = [...asUser, program('postgres'), '-D', data, '-p', `${port}`, '-k', folder];
  return startProcess(run, [...options, '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'], {
    logFile: join(folder, 'postgres.log'),
    ready: (output) => output.includes('ready to accept connections'),
    timeoutMs: READY_MS,
  });
}

/** Creates both databases with the schema that the tool brings. */
function createDatabases(tool: string, port: number): void {
  const at = ['--plugin', 'postgres12', '--ep', '127.0.0.1', '-p', `${port}`, '-u', 'temporal'];
  for (const [database, schema] of [
    ['temporal', 'temporal'],
    ['temporal_visibility', 'visibility'],
  ]) {
    const run = (...args: string[]) =>
      execFileSync(tool, [...at, '--db', `${database}`, ...args], {
        env: { ...process.env, SQL_PASSWORD: PASSWORD },
        stdio: 'pipe',
      });
    run('create');
    run('setup-schema', '-v', '0.0');
    run('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}

/** Starts frontend, history, matching and worker in one process. */
function startServer(command: string, folder: string, ports: readonly number[]): Promise<RunningProcess> {
  const [database, frontend, ...others] = ports;
  const store = (name: string, maxConns: number) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName: name,
      connectAddr: `127.0.0.1:${database}`,
      connectProtocol: 'tcp',
      user: 'temporal',
      password: PASSWORD,
      maxConns,
      maxIdleConns: maxConns,
    },
  });
  const service = (grpcPort: number | undefined, membershipPort: number | undefined) => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true },
  });
  const config = {
    log: { stdout: true, level: 'error' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: SHARDS,
      datastores: { main: store('temporal', 20), visibility: store('temporal_visibility', 10) },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      metrics: { prometheus: { listenAddress: `127.0.0.1:${ports[10]}` } },
    },
    services: {
      frontend: service(frontend, others[0]),
      history: service(others[1], others[2]),
      matching: service(others[3], others[4]),
      worker: service(others[5], others[6]),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${frontend}`,
        },
      },
    },
  };
  mkdirSync(join(folder, 'config'));
  // JSON is YAML.
  writeFileSync(join(folder, 'config', 'bench.yaml'), JSON.stringify(config));
  return startProcess(command, ['--root', folder, '--config', 'config', '--env', 'bench', 'start'], {
    logFile: join(folder, 'temporal.log'),
    ready: () => accepts(Number(frontend)),
    timeoutMs: READY_MS,
  });
}

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .once('error', () => resolve(false));
  });

/** Creates the namespace `default`; a new server takes some seconds until it knows of it. */
async function createNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace: 'default',
      workflowExecutionRetentionPeriod: msToTs(RETENTION_MS),
    });
    for (const deadline = Date.now() + READY_MS; ; await sleep(500))
      try {
        await connection.workflowService.countWorkflowExecutions({ namespace: 'default' });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
  } finally {
    await connection.close();
  }
}
