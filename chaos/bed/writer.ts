import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { WorkerProcess } from './stage.js';

/** Workers that have the connection with this port of their own; all of them where the system does not tell. */
export function ownersOf(port: number, workers: readonly WorkerProcess[]): readonly WorkerProcess[] {
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
