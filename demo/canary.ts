import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atExit, startProcess } from '../testbed/process.js';
import { repositoryRoot } from '../testbed/tools.js';
import { writeDemoFiles } from './files.js';
import type { World } from './world.js';

const BIN = join(repositoryRoot, 'bin', 'canary.js');
const WORKER_LOG = join(repositoryRoot, '.demo', 'worker.log');
const WORKER_READY_MS = 60_000; // bundling the workflows is 2 s; a cold disk and two busy cores are slow
/** Limit of a command that waits. A release takes 9 s here: after this time something that it needs is gone. */
const WAIT = '60s';
const ALIVE_EVERY_MS = 250;

/** The product as users run it: its command line, in separate processes, by the commands that the demo prints. */
export type Canary = Awaited<ReturnType<typeof createCanary>>;

/** Exit code of a command, and what it printed on stdout with `-o json`. */
export interface Ended {
  code: number | null;
  result: unknown;
  /** Last line on stderr: the error, if there is no result. */
  lastLine: string;
}

/** Prepares the namespace and starts a worker. */
export async function createCanary(world: World, onStop: (stop: () => Promise<void>) => void) {
  const files = writeDemoFiles({
    temporal: world.temporal.address,
    worker: {
      CANARY_IMAGES: world.images.join(','),
      CANARY_CP_BASE_URL: world.controlPlane.url,
      CANARY_CP_ADMIN_TOKEN: 'demo-token-of-the-control-plane',
      CANARY_TAG: 'canary',
      // Its durations are those of a play.
      CANARY_UNSAFE: 'true',
      CANARY_SOAK: '5s',
      CANARY_UPDATE_CYCLE: '2s',
      CANARY_POLL: '1s',
      CANARY_BAKE: '3s',
    },
    canaries: world.canaries,
    production: world.production,
  });
  onStop(async () => files.remove());
  const env = bareEnvironment();

  async function run(args: string[], signal: AbortSignal, onProgress: (line: string) => void): Promise<Ended> {
    // A separate process group: Ctrl-C in a terminal reaches only the demo, which stops everything in order.
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, [BIN, '--demo', ...args], {
      cwd: repositoryRoot,
      env,
      stdio,
      detached: true,
      signal,
    });
    const forget = atExit(() => child.kill('SIGKILL'));
    let stdout = '';
    let lastLine = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.trim() === '') return;
      lastLine = line.trim();
      onProgress(lastLine);
    });
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', resolve);
      });
      return { code, result: parse(stdout), lastLine };
    } finally {
      forget();
    }
  }

  const setup = await run(['setup'], new AbortController().signal, () => undefined);
  if (setup.code !== 0) throw new Error(`canary setup exited with ${setup.code}: ${setup.lastLine}`);

  rmSync(WORKER_LOG, { force: true });
  const worker = await startProcess(process.execPath, [BIN, '--demo', 'worker'], {
    env,
    cwd: repositoryRoot,
    logFile: WORKER_LOG,
    ready: (output) => output.includes('worker.started'),
    timeoutMs: WORKER_READY_MS,
  });
  let watching: NodeJS.Timeout | undefined;
  const workerEnded = new Promise<never>((_, reject) => {
    watching = setInterval(() => {
      if (!isAlive(worker.pid)) reject(new Error(`the worker exited (see ${WORKER_LOG})`));
    }, ALIVE_EVERY_MS);
  });
  workerEnded.catch(() => undefined); // the callers that wait for it handle the rejection
  onStop(() => {
    clearInterval(watching);
    return worker.stop();
  });

  return {
    /** Runs a command that waits, e.g. `release 4c1d56e --wait`; each line of its stderr is progress. */
    run: (args: string[], signal: AbortSignal, onProgress: (line: string) => void) =>
      run([...args, '--timeout', WAIT, '-o', 'json'], signal, onProgress),
    /** Runs a command that does not wait. */
    ask: (args: string[], signal: AbortSignal) => run([...args, '-o', 'json'], signal, () => undefined),
    /** Rejects if the worker exits before it is stopped. */
    workerEnded,
  };
}

/** Environment without the caller's settings: a TEMPORAL_ADDRESS or a GITHUB_TOKEN there is meant for another gate. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER', 'LOGNAME', 'SYSTEMROOT'];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
