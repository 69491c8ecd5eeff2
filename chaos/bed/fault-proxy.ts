import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOf } from '../../testbed/registry-store.js';
import type { Write } from '../checker/evidence.js';
import { type Faults, isOf, NO_FAULTS } from '../faults.js';

const LATEST = /^\/v2\/(.+)\/manifests\/latest$/;
/** Delay of a write that is only accepted at first, in milliseconds. */
const ACCEPTED_MS = 300;
/** Longest wait of a write that is refused for the other image of its pair, in milliseconds. */
const SPLIT_MS = 2_000;

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type FaultProxy = Awaited<ReturnType<typeof startFaultProxy>>;

/** Starts three ways to a registry: that of the gate, with faults, that of people, and that of `--direct`. Each logs what moved `:latest`. */
export async function startFaultProxy(registry: string) {
  const writes: Write[] = [];
  let faults = { ...NO_FAULTS };
  /** What `:latest` was before its last write. */
  const before = new Map<string, { digest: string; at: number }>();
  const current = new Map<string, string>();
  /** Last write of each repository. */
  const writing = new Map<string, Promise<unknown>>();
  /** How often each fault was met. */
  const met: Partial<Record<keyof Faults, number>> = {};
  const hit = (fault: keyof Faults) => {
    met[fault] = (met[fault] ?? 0) + 1;
  };
  const hits = (fault: keyof Faults) => met[fault] ?? 0;
  let isSplit = false;
  let touched = 0;
  let written = 0;
  let onWrite: (port: number) => boolean = () => true;

  async function serve(by: Write['by'], incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const body = await buffer(incoming);
    const forward = (path = url) => ask(registry, { method, path, headers, body });
    const repository = LATEST.exec(url)?.[1];
    const isWrite = method === 'PUT' && repository !== undefined;
    const write = (sentAt?: number): Promise<Answer> => {
      // One after the other, so that the log has the order of the registry.
      const last = writing.get(repository ?? '') ?? Promise.resolve();
      const own = last.then(() => carryOut(sentAt));
      writing.set(
        repository ?? '',
        own.catch(() => undefined),
      );
      return own;
    };
    /** @param sentAt when a write without an answer came. */
    const carryOut = async (sentAt?: number): Promise<Answer> => {
      const answer = await forward();
      if (answer.status === 201 && repository !== undefined) {
        const at = Date.now();
        const last = current.get(repository);
        const digest = digestOf(body);
        if (last !== undefined) before.set(repository, { digest: last, at });
        current.set(repository, digest);
        writes.push({ at, repository, digest, by, ...(sentAt && { sentAt }) });
      }
      return answer;
    };
    if (by !== 'gate') return send(outgoing, await (isWrite ? write() : forward()));
    if (repository !== undefined) touched = Date.now();
    if (faults.slow.until > Date.now()) {
      hit('slow');
      await delay(faults.slow.ms);
    }
    if (isWrite) {
      written = Date.now();
      if (!onWrite(incoming.socket.remotePort ?? 0)) return refused(outgoing, 503);
      return serveWrite(repository, write, outgoing);
    }
    if (method === 'GET' || method === 'HEAD') {
      const isServed = await serveFault(url, outgoing, forward);
      if (isServed) return;
    }
    const earlier = repository === undefined ? undefined : before.get(repository);
    const isStale = earlier && faults.stale.until > Date.now() && Date.now() - earlier.at < faults.stale.ms;
    if (isStale) hit('stale');
    send(outgoing, await forward(isStale ? url.replace(/latest$/, earlier.digest) : url));
  }

  /** Answers a read as the faults of now say; false if none is of it. */
  async function serveFault(path: string, outgoing: ServerResponse, forward: () => Promise<Answer>): Promise<boolean> {
    const { hangReads, refuseReads, cutReads } = faults;
    const now = Date.now();
    if (hangReads.until > now && isOf(hangReads.reads, path)) {
      hit('hangReads');
      await delay(hangReads.until - now);
      outgoing.destroy();
    } else if (refuseReads.until > now && isOf(refuseReads.reads, path)) {
      hit('refuseReads');
      refused(outgoing, refuseReads.status);
    } else if (cutReads.left > 0 && isOf(cutReads.reads, path)) {
      faults = { ...faults, cutReads: { ...cutReads, left: cutReads.left - 1 } };
      hit('cutReads');
      const { status, headers, body } = await forward();
      // The length that it announces is longer than what comes.
      const half = body.subarray(0, body.length / 2);
      outgoing.writeHead(status, headers).write(half, () => outgoing.destroy());
    } else return false;
    return true;
  }

  async function serveWrite(
    repository: string,
    write: (sentAt?: number) => Promise<Answer>,
    outgoing: ServerResponse,
  ): Promise<void> {
    const now = Date.now();
    if (faults.hang.until > now) {
      hit('hang');
      await delay(faults.hang.until - now);
      return void outgoing.destroy();
    }
    if (faults.refuse.until > now) {
      hit('refuse');
      return refused(outgoing, faults.refuse.status);
    }
    if (faults.image.until > now && faults.image.repository === repository) {
      hit('image');
      return refused(outgoing, faults.image.status);
    }
    if (faults.split.until > now) {
      const from = hits('split');
      if (repository === faults.split.repository) {
        // It waits for the other one, for a while.
        for (const end = now + SPLIT_MS; hits('split') === from && Date.now() < end; ) await delay(10);
        return refused(outgoing, 403);
      }
      if (isSplit) return refused(outgoing, 500);
      isSplit = true;
      send(outgoing, await write());
      return hit('split');
    }
    if (faults.acceptOnly > 0) {
      faults.acceptOnly -= 1;
      hit('acceptOnly');
      outgoing.writeHead(202).end();
      await delay(ACCEPTED_MS);
      return void (await write(now));
    }
    if (faults.cut === 0) return send(outgoing, await write());
    faults.cut -= 1;
    hit('cut');
    if (faults.lateMs > 0) outgoing.destroy();
    await delay(faults.lateMs);
    await write(now);
    outgoing.destroy();
  }

  const listen = async (by: Write['by']) => {
    const server = createServer((incoming, outgoing) => {
      serve(by, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
  const [gate, person, direct] = await Promise.all([listen('gate'), listen('person'), listen('direct')]);
  return {
    /** `host:port` that the workers know. */
    gate: gate.host,
    /** `host:port` of people and tenants: without faults. */
    person: person.host,
    /** `host:port` of `--direct`: without faults. */
    direct: direct.host,
    /** Every write of `:latest`, in order. */
    writes,
    set: (wanted: Partial<Faults>) => {
      faults = { ...faults, ...wanted };
      if (wanted.split) isSplit = false;
    },
    /** How often a fault was met so far. */
    hits,
    /** Ends every fault, a lag of reads only if it is asked to. */
    heal: (withLag: boolean) => {
      faults = { ...NO_FAULTS, ...(!withLag && { stale: faults.stale }) };
    },
    /** Time of the last request of the gate about `:latest`. */
    touched: () => touched,
    /** Time of the last write of `:latest` by the gate, carried out or not. */
    written: () => written,
    /** Called with the port of the writer when a write of the gate arrives; false answers 503 in place of it. */
    onWrite: (then: (port: number) => boolean) => {
      onWrite = then;
    },
    stop: async () => {
      for (const { server } of [gate, person, direct]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function refused(outgoing: ServerResponse, status: number): void {
  const retryAfter = status === 429 ? { 'retry-after': '1' } : {};
  outgoing.writeHead(status, { 'content-type': 'application/json', ...retryAfter });
  outgoing.end(JSON.stringify({ errors: [{ code: 'UNAVAILABLE', message: 'chaos' }] }));
}

function send(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers).end(body);
}

function ask(
  registry: string,
  { method, path, headers, body }: { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [hostname, port] = registry.split(':');
    const asked = request({ hostname, port, method, path, headers }, (answer) => {
      buffer(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: bytes }),
        reject,
      );
    });
    asked.once('error', reject).end(body);
  });
}
