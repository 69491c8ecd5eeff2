import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { awayMs, frozenMs, inMs, jumpOf, readsOf, statusOf } from '../choices.js';
import type { Faults } from '../faults.js';
import type { Act } from '../steps.js';
import type { FaultProxy } from './fault-proxy.js';
import type { Stage, WorkerProcess } from './stage.js';
import { later, oneOf, type Play } from './tenants.js';

/** A worker is killed, and another one takes its place. */
async function killWorker(stage: Stage, choice: number): Promise<void> {
  const worker = running(stage, choice);
  worker.isGone = true;
  await worker.kill('SIGKILL');
  later(stage, inMs(choice, 500, 3_000), () => stage.startWorker());
}

const running = ({ workers }: Stage, choice: number): WorkerProcess =>
  oneOf(
    workers.filter(({ isGone }) => !isGone),
    choice,
  );

function freeze(stage: Stage, worker: WorkerProcess, ms: number): void {
  if (worker.isGone) return;
  const resume = () => {
    if (!worker.isGone) process.kill(worker.pid, 'SIGCONT');
  };
  process.kill(worker.pid, 'SIGSTOP');
  later(stage, ms, resume);
}

/** The next worker that writes `:latest` is frozen right there, often with a refused write that it would send again. */
async function freezeWriter(stage: Stage, choice: number): Promise<() => boolean> {
  const { proxy } = stage.servers;
  let isFrozen = false;
  proxy.onWrite((port) => {
    isFrozen = true;
    proxy.onWrite(() => true);
    for (const worker of ownersOf(port, stage.workers)) freeze(stage, worker, inMs(choice * 17, 1_000, 26_000));
    return choice % 3 === 0;
  });
  return () => isFrozen;
}

/** Workers that have the connection with this port of their own; all of them where the system does not tell. */
function ownersOf(port: number, workers: readonly WorkerProcess[]): readonly WorkerProcess[] {
  try {
    const inode = inodeOf(port);
    const owners = workers.filter(({ pid, isGone }) => !isGone && hasSocket(pid, inode));
    return owners.length > 0 ? owners : workers;
  } catch {
    return workers;
  }
}

/** Inode of the local socket with a port, of Linux' table of connections. */
function inodeOf(port: number): string {
  const own = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const line = lines.map((one) => one.trim().split(/\s+/)).find(([, local]) => local === own);
  if (line?.[9] === undefined) throw new Error(`no connection with port ${port}`);
  return line[9];
}

const hasSocket = (pid: number, inode: string) =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);

/** Target of a link; empty if the file was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Sets a fault of the way to the registry. */
const fault =
  (set: (stage: Stage, choice: number) => Parameters<FaultProxy['set']>[0]): Play =>
  async (stage, choice) => {
    const { proxy } = stage.servers;
    const wanted = set(stage, choice);
    const [name] = Object.keys(wanted) as (keyof Faults)[];
    const before = name ? proxy.hits(name) : 0;
    proxy.set(wanted);
    return () => name !== undefined && proxy.hits(name) > before;
  };

export const inFuture = (ms: number) => Date.now() + ms;

/** What happens to workers, to Temporal, and to the way to the registry. */
export const MACHINE_PLAYS = {
  'kill a worker': killWorker,
  'freeze a worker': async (stage, choice) => freeze(stage, running(stage, choice), inMs(choice * 17, 1_000, 16_000)),
  'freeze the writer': freezeWriter,
  'kill the server': async (stage, choice) => {
    await stage.servers.killTemporal();
    later(stage, awayMs(choice), () => stage.servers.startTemporal());
  },
  'freeze the server': async (stage, choice) => later(stage, frozenMs(choice), stage.servers.freezeTemporal()),
  'clock jumps': async (stage, choice) => running(stage, choice).host.jump(jumpOf(choice)),
  'refuse writes': fault((_, choice) => ({
    refuse: { until: inFuture(inMs(choice * 13, 500, 6_000)), status: statusOf(choice) },
  })),
  'refuse one image': fault(({ repositories }, choice) => ({
    image: {
      until: inFuture(inMs(choice * 13, 5_000, 20_000)),
      repository: oneOf(repositories, choice),
      status: oneOf([403, 500], Math.floor(choice / 2)),
    },
  })),
  'slow down': fault((_, choice) => ({ slow: { until: inFuture(6_000), ms: inMs(choice * 3, 100, 1_500) } })),
  'cut after the write': fault((_, choice) => ({
    cut: 1 + (choice % 3),
    lateMs: choice % 2 === 0 ? 0 : inMs(choice * 13, 500, 9_000),
  })),
  'accept only': fault((_, choice) => ({ acceptOnly: 1 + (choice % 3) })),
  hang: fault((_, choice) => ({ hang: { until: inFuture(inMs(choice * 13, 1_000, 8_000)) } })),
  'stale reads': fault(({ staleMs }, choice) => ({
    stale: { until: inFuture(Math.max(15_000, 3 * staleMs)), ms: inMs(choice * 31, staleMs / 100, staleMs) },
  })),
  'refuse reads': fault((_, choice) => ({
    refuseReads: {
      until: inFuture(inMs(choice * 13, 500, 8_000)),
      status: statusOf(choice),
      reads: readsOf(choice),
    },
  })),
  'cut reads': fault((_, choice) => ({ cutReads: { left: 1 + (choice % 6), reads: readsOf(choice) } })),
  'hang reads': fault((_, choice) => ({
    hangReads: { until: inFuture(inMs(choice * 13, 1_000, 10_000)), reads: readsOf(choice) },
  })),
  'split the pair': fault(({ repositories: [image = ''] }) => ({
    split: { until: inFuture(60_000), repository: image },
  })),
} satisfies Partial<Record<Act, Play>>;
