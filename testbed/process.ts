import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** File that stdout and stderr are appended to. */
  readonly logFile: string;
  /** Called with the output so far until it returns true. */
  readonly ready: (output: string) => boolean | Promise<boolean>;
  /** Time limit until it is ready. */
  readonly timeoutMs: number;
  /** Signal that ends it at once. Docker's client forwards SIGTERM to the container, but cannot forward SIGKILL. */
  readonly lastSignal?: NodeJS.Signals;
  /** Called with each message of a Node process; it has a channel to this one. */
  readonly onMessage?: (message: unknown) => void;
}

export interface RunningProcess {
  readonly pid: number;
  /** Sends SIGTERM, and SIGKILL after 5 s. May be called twice. */
  stop(): Promise<void>;
  /** Sends the signal, SIGKILL unless another is named, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Sends a message to a Node process that has a channel. */
  send(message: object): void;
}

/** Starts a server and waits until it is ready. It ends with this process, unless SIGKILL ends this process. */
export async function startProcess(command: string, args: string[], options: ProcessOptions): Promise<RunningProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  const logStart = fstatSync(log).size;
  // A process group of its own: Ctrl-C in a terminal reaches this process alone, which stops its children in order.
  const child = spawn(command, args, {
    env: options.env,
    cwd: options.cwd,
    detached: true,
    stdio: options.onMessage ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
  });
  if (options.onMessage) child.on('message', options.onMessage);
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let spawnError: Error | undefined;
  child.once('error', (error) => {
    spawnError = error;
  });
  const forget = atExit(() => signalTo(child, options.lastSignal ?? 'SIGKILL'));
  void ended.then(forget);

  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    signalTo(child, signal);
    await ended;
  };
  const stop = async () => {
    signalTo(child, 'SIGTERM');
    const lastResort = setTimeout(() => signalTo(child, options.lastSignal ?? 'SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(lastResort);
  };

  const output = () => readFileSync(options.logFile).subarray(logStart).toString();
  const deadline = Date.now() + options.timeoutMs;
  while (!(isRunning(child) && (await options.ready(output())))) {
    if (isRunning(child) && Date.now() < deadline) {
      await sleep(POLL_MS);
      continue;
    }
    const problem = isRunning(child) ? `was not ready after ${options.timeoutMs} ms` : 'ended before it was ready';
    await kill();
    const said = output().trim().split('\n').slice(-10).join('\n');
    throw new Error(`${command} ${problem}: ${spawnError?.message ?? said}`, { cause: spawnError });
  }
  const send = (message: object) => {
    if (child.connected) child.send(message, () => undefined);
  };
  return { pid: child.pid as number, stop, kill, send };
}

/** Time limit for a server to end after SIGTERM; the dev server takes 0.1 s. */
const STOP_MS = 5000;
const POLL_MS = 20;

/** Whether a child runs, from spawn to exit. Until then no other process can have its pid. */
function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function signalTo(child: ChildProcess, signal: NodeJS.Signals): void {
  if (isRunning(child)) child.kill(signal);
}

const cleanUps = new Set<() => void>();
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Registers a clean-up for the end of this process: a normal exit, an uncaught error, a signal, or the end of its parent.
 * It must be synchronous, as `exit` requires. Returns the function that unregisters it.
 */
export function atExit(cleanUp: () => void): () => void {
  if (cleanUps.size === 0) {
    process.on('exit', cleanUpAll);
    process.on('disconnect', onOrphaned);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  const own = () => cleanUp();
  cleanUps.add(own);
  return () => {
    if (!cleanUps.delete(own) || cleanUps.size > 0) return;
    process.off('exit', cleanUpAll);
    process.off('disconnect', onOrphaned);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

function cleanUpAll(): void {
  // The last one first: a server ends before its directory is removed.
  for (const cleanUp of [...cleanUps].reverse()) cleanUp();
}

/** Handles a signal. If there is another listener, it decides when the process exits; else the signal ends the process. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  cleanUpAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

/** Detects the end of the parent: a fork of vitest gets no other notice if a signal ended its parent, and would continue. */
function onOrphaned(): void {
  cleanUpAll();
  process.exit(1);
}

/** Different free ports of 127.0.0.1. Another process may bind one first: the caller must retry. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  // Who got one has perhaps not opened it yet.
  if (ports.some((port) => given.has(port))) return freePorts(count);
  for (const port of ports) given.add(port);
  return ports;
}

const given = new Set<number>();

/** One free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

function listenAnywhere() {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
