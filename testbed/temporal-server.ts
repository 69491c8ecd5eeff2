import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit, freePorts, startProcess } from './process.js';
import { tool } from './tools.js';

export interface TemporalServerOptions {
  readonly ui?: boolean;
  /** Database file that survives a restart; in memory if left out. */
  readonly dbFile?: string;
  /** gRPC port; for a restart that workers must survive, the old one. */
  readonly port?: number;
  /** Namespace in addition to `default`, which always exists. */
  readonly namespace?: string;
  /** Number of consecutive workflow task failures after which visibility reports a problem; the default is 5, which takes minutes. */
  readonly problemsAfter?: number;
  /** Whether people may pause workflows, which is off by default. */
  readonly pause?: boolean;
  /** Events after which a run is told to continue as new; the default is 4,096. */
  readonly continueAfter?: number;
}

export interface TemporalServer {
  readonly pid: number;
  /** `host:port` of the gRPC service. */
  readonly address: string;
  readonly uiUrl?: string;
  /** Its own counters, in the Prometheus format. */
  readonly metricsUrl: string;
  stop(): Promise<void>;
  /** Ends it as a crash would, without a shutdown. */
  kill(): Promise<void>;
}

const PROBLEMS_AFTER = 'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute';

/** Go runtime: one core and a rarer garbage collection save a quarter of the CPU time. */
const CHEAP = { GOMAXPROCS: '1', GOGC: '400' };

/** Starts Temporal's dev server on 127.0.0.1 and waits until its namespace answers. */
export async function startTemporalServer(options: TemporalServerOptions = {}): Promise<TemporalServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      // Another process bound the port first, or the old server has not released it yet.
      if (attempt === 3 || !/address already in use|ended before it was ready/.test(String(error))) throw error;
    }
  }
}

async function start(options: TemporalServerOptions): Promise<TemporalServer> {
  const temporal = tool('temporal');
  if (temporal === undefined) throw new Error('there is no Temporal dev server in .tools: run `npm run setup`');
  const [freeGrpc, http, metrics, ui] = (await freePorts(4)) as [number, number, number, number];
  const grpc = options.port ?? freeGrpc;
  const namespace = options.namespace ?? 'default';
  const directory = mkdtempSync(join(tmpdir(), 'canary-temporal-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  const forget = atExit(removeDirectory);
  const release = () => {
    forget();
    removeDirectory();
  };

  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${grpc}`, '--http-port', `${http}`];
  args.push('--metrics-port', `${metrics}`, '--log-level', 'error', '--namespace', namespace);
  args.push(...(options.ui ? ['--ui-ip', '127.0.0.1', '--ui-port', `${ui}`] : ['--headless']));
  // A process that is killed loses nothing that it wrote; only a machine that goes down would.
  if (options.dbFile !== undefined) args.push('--db-filename', options.dbFile, '--sqlite-pragma', 'synchronous=0');
  // By default each task queue is four, with the polls and the writes of four.
  for (const kind of ['Read', 'Write']) args.push('--dynamic-config-value', `matching.numTaskqueue${kind}Partitions=1`);
  // By default every timer, including retries and soaks, takes at least a second.
  args.push('--dynamic-config-value', 'history.timerProcessorMaxTimeShift="20ms"');
  if (options.problemsAfter !== undefined)
    args.push('--dynamic-config-value', `${PROBLEMS_AFTER}=${options.problemsAfter}`);
  if (options.continueAfter !== undefined)
    args.push('--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${options.continueAfter}`);
  if (options.pause) args.push('--dynamic-config-value', 'frontend.WorkflowPauseEnabled=true');
  try {
    const running = await startProcess(temporal.path, args, {
      logFile: join(directory, 'temporal.log'),
      env: { ...process.env, ...CHEAP },
      ready: () => isReady(`http://127.0.0.1:${http}/api/v1/namespaces/${namespace}/workflows`),
      timeoutMs: 30_000,
    });
    return {
      address: `127.0.0.1:${grpc}`,
      ...(options.ui ? { uiUrl: `http://127.0.0.1:${ui}` } : {}),
      metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
      pid: running.pid,
      stop: () => running.stop().finally(release),
      kill: () => running.kill().finally(release),
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether the server is usable: a list needs the namespace and visibility; that there is no such run is known by what holds the histories, up to seconds later. */
async function isReady(url: string): Promise<boolean> {
  return (await statusOf(url)) === 200 && (await statusOf(`${url}/none`)) === 404;
}

/** Status of the answer; null without one. */
async function statusOf(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}
