import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMemoryRegistry } from './memory-registry.js';
import { atExit, freePort, startProcess } from './process.js';
import { type Tool, tool } from './tools.js';

export interface AccessLogLine {
  readonly method: string;
  /** Path with the query. */
  readonly path: string;
  readonly status: number;
}

/** Authentication of a registry, as in the distribution specification. */
export type RegistryAuth =
  | { readonly kind: 'htpasswd' /** Lines of `user:bcrypt`. */; readonly users: readonly string[] }
  | {
      readonly kind: 'token';
      readonly realm: string;
      readonly service: string;
      readonly issuer: string;
      readonly jwks: string;
    };

export interface RegistryOptions {
  /** Access is open if left out. */
  readonly auth?: RegistryAuth;
  /** Registry whose storage this one shares, for reading and writing; both are binaries on this machine. */
  readonly storageOf?: RegistryServer;
  /** Program in place of the usual one: distribution 2.8. */
  readonly program?: 'docker-registry';
}

export interface RegistryServer {
  /** `127.0.0.1:PORT`, plain HTTP */
  readonly host: string;
  readonly kind: 'distribution' | 'docker' | 'memory';
  /** Directory of its images; undefined if they are not on the disk of this machine. */
  readonly storage?: string;
  /** Requests in the log of the registry, in order, complete up to this call. */
  accessLog(): Promise<AccessLogLine[]>;
  stop(): Promise<void>;
}

/** Starts an empty registry on a free port of 127.0.0.1: the one that set-up found, else the in-memory one. */
export async function startRegistry({ auth, storageOf, program }: RegistryOptions = {}): Promise<RegistryServer> {
  const found = tool(program ?? 'registry');
  if ((auth || storageOf) && (found === undefined || found.image !== undefined))
    throw new Error('only the registry binary can ask who one is, or share its storage');
  if (found === undefined) return startInMemory();
  const directory = mkdtempSync(join(tmpdir(), 'canary-registry-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  const forget = atExit(removeDirectory);
  const release = () => {
    forget();
    removeDirectory();
  };
  try {
    const storage = storageOf?.storage ?? join(directory, 'storage');
    const isBinary = found.image === undefined;
    const { host, stop } = await (isBinary
      ? startBinary(found, directory, storage, auth)
      : startImage(found, directory));
    return {
      host,
      kind: isBinary ? 'distribution' : 'docker',
      ...(isBinary && { storage }),
      accessLog: () => readAccessLog(host, join(directory, LOG)),
      stop: () => stop().finally(release),
    };
  } catch (error) {
    release();
    throw error;
  }
}

const LOG = 'registry.log';
/** Time limit for the start: Docker may have to unpack an image. */
const START_MS = 30_000;

async function startBinary({ path }: Tool, directory: string, storage: string, auth?: RegistryAuth) {
  const config = writeConfig(directory, { storage, address: '127.0.0.1:0', ...(auth && { auth }) });
  const logFile = join(directory, LOG);
  const { stop } = await startProcess(path, ['serve', config], {
    env: { ...process.env, ...QUIET },
    logFile,
    ready: (output) => LISTENING.test(output),
    timeoutMs: START_MS,
  });
  const [, host] = LISTENING.exec(readFileSync(logFile, 'utf8')) ?? [];
  return { host: host as string, stop };
}

async function startImage({ image }: Tool, directory: string) {
  const config = writeConfig(directory, { storage: '/var/lib/registry', address: '0.0.0.0:5000' });
  const host = `127.0.0.1:${await freePort()}`;
  const quiet = Object.entries(QUIET).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const mount = `type=bind,src=${config},dst=/config.yml,readonly`;
  const run = ['run', '--rm', '--publish', `${host}:5000`, '--mount', mount, ...quiet, image as string];
  const { stop } = await startProcess('docker', [...run, 'serve', '/config.yml'], {
    logFile: join(directory, LOG),
    ready: () =>
      fetch(`http://${host}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    timeoutMs: START_MS,
    lastSignal: 'SIGTERM',
  });
  return { host, stop };
}

/** Turns traces off: they go to an address without a listener, and each failure is logged. */
const QUIET = { OTEL_TRACES_EXPORTER: 'none' };
const LISTENING = /listening on (127\.0\.0\.1:\d+)/;

interface ServeConfig {
  readonly storage: string;
  readonly address: string;
  readonly auth?: RegistryAuth;
}

function writeConfig(directory: string, { storage, address, auth }: ServeConfig): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'config.yml');
  // JSON is YAML.
  const config = {
    version: 0.1,
    // `info` prints the port; tests read the access log.
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: address },
    ...(auth && { auth: authConfig(directory, auth) }),
  };
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}

function authConfig(directory: string, auth: RegistryAuth) {
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  if (auth.kind === 'htpasswd')
    return { htpasswd: { realm: 'test bed', path: write('htpasswd', `${auth.users.join('\n')}\n`) } };
  const { realm, service, issuer, jwks } = auth;
  return { token: { realm, service, issuer, jwks: write('jwks.json', jwks) } };
}

let marks = 0;

/** Waits for the log. A line is written after its answer was sent, so this sends a request and waits for its line. */
async function readAccessLog(host: string, logFile: string): Promise<AccessLogLine[]> {
  const mark = `/v2/?mark=${++marks}`;
  await fetch(`http://${host}${mark}`).then((response) => response.text());
  for (const deadline = Date.now() + 5000; ; await sleep(5)) {
    const lines = parseAccessLog(readFileSync(logFile, 'utf8'));
    const end = lines.findIndex(({ path }) => path === mark);
    if (end >= 0) return lines.slice(0, end).filter(({ path }) => !path.startsWith('/v2/?mark='));
    if (Date.now() > deadline) throw new Error(`${mark} does not appear in the access log of ${host}`);
  }
}

/** Reads the access log: lines in Apache's format, among other lines of the registry. */
function parseAccessLog(text: string): AccessLogLine[] {
  const lines = text.matchAll(/^\S+ - .*? \[[^\]]+\] "(\S+) (\S+) HTTP\/[\d.]+" (\d{3}) /gm);
  return [...lines].map(([, method, path, status]) => ({
    method: method as string,
    path: path as string,
    status: Number(status),
  }));
}

async function startInMemory(): Promise<RegistryServer> {
  const memory = await startMemoryRegistry();
  return {
    host: memory.host,
    kind: 'memory',
    accessLog: async () =>
      memory.requests.map(({ method, path, query, status }) => ({
        method,
        path: query.size > 0 ? `${path}?${query}` : path,
        status,
      })),
    stop: memory.stop,
  };
}
