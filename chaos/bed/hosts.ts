import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from '../../testbed/process.js';

/** Time limits, in milliseconds: of what takes a moment, on a loaded machine; and of the end of a worker. */
const SOON_MS = 60_000;
const STOP_MS = 5_000;

/** A worker process. It serves one run after the other: its start costs more CPU than its work in a run. */
export interface WorkerHost {
  readonly pid: number;
  readonly kill: RunningProcess['kill'];
  /** Begins to serve a gate. */
  serve(order: { env: Record<string, string>; logFile: string }): Promise<void>;
  /** Sets its clock forth, or back. */
  jump(ms: number): void;
  /** Stops to serve it; false if it did not in time. */
  leave(): Promise<boolean>;
}

/** Worker processes of compiled gates. */
export function workerHosts(folder: string) {
  const idle: { dist: string; host: WorkerHost }[] = [];
  let started = 0;
  return {
    /** A process that serves no run; a new one if all do, or if it must be new. */
    async take(dist: string, isNew: boolean): Promise<WorkerHost> {
      const index = isNew ? -1 : idle.findIndex((one) => one.dist === dist);
      const [found] = index < 0 ? [] : idle.splice(index, 1);
      started += found ? 0 : 1;
      return found ? found.host : startHost(dist, join(folder, `host-${started}`));
    },
    /** Gives a process back. */
    async giveBack(dist: string, host: WorkerHost): Promise<void> {
      if (await host.leave()) idle.push({ dist, host });
      else await host.kill();
    },
    stop: () => Promise.all(idle.splice(0).map(({ host }) => host.kill())),
  };
}

async function startHost(dist: string, logFile: string): Promise<WorkerHost> {
  const waiting = new Map<unknown, () => void>();
  const heard = (message: string, withinMs: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      waiting.set(message, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  const running = await startProcess(process.execPath, [join(dist, 'chaos', 'bed', 'worker-process.js')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    logFile,
    ready: (output) => output.includes('host.started'),
    onMessage: (message) => waiting.get(message)?.(),
    timeoutMs: SOON_MS,
  });
  return {
    pid: running.pid,
    kill: running.kill,
    async serve(order) {
      const isServing = heard('serves', SOON_MS);
      running.send(order);
      if (!(await isServing)) throw new Error(`a worker did not start: ${order.logFile}`);
    },
    jump: (jumpMs) => running.send({ jumpMs }),
    leave() {
      const hasLeft = heard('left', STOP_MS);
      running.send({ leave: true });
      return hasLeft;
    },
  };
}

/** Logs in a folder, those whose names begin so. */
export const logsOf = (folder: string, begin = '') =>
  readdirSync(folder)
    .filter((name) => name.startsWith(begin))
    .map((name) => ({ name: `log of ${name}`, text: readFileSync(join(folder, name), 'utf8') }));
