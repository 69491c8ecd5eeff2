import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type Digest, LATEST } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { until } from '../support/until.js';
import { as, at, errorOf, SHORT, WRITER } from './support.js';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
const MiB = 1024 * 1024;
/** 100 MB of gzip: members may be concatenated, so the data need not exist in memory. */
const bomb = Buffer.concat(Array<Buffer>(100).fill(gzipSync(Buffer.alloc(MiB), { level: 9 })));
const PIECE = Buffer.alloc(64 * 1024, ' ');

/** Stop functions of the servers of a test. */
let stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  stops = [];
});

/** First byte of a TLS connection. */
const TLS_HANDSHAKE = 0x16;

/** Starts a raw TCP server that calls back once for each request, after its headers. */
async function hostile(onRequest: (socket: Socket, head: string) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    let head = '';
    socket.on('data', (data) => {
      // It speaks no TLS, and says so as servers of plain text do.
      if (data[0] === TLS_HANDSHAKE) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const whole = head;
      head = '';
      onRequest(socket, whole);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { host: `127.0.0.1:${port}`, sockets };
}

function client(credentials?: ReturnType<typeof as>): Registry {
  const made = createRegistry({ waits: SHORT, ...(credentials && { credentials }) });
  stops.push(() => made.close());
  return made;
}

/** Writes as long as the other side reads, with backpressure. */
function pour(socket: Socket, piece: Buffer, total = Number.POSITIVE_INFINITY, wrap = (bytes: Buffer) => bytes): void {
  let left = total;
  const go = () => {
    while (left > 0 && !socket.destroyed) {
      left -= piece.length;
      if (!socket.write(wrap(piece))) return;
    }
  };
  socket.on('drain', go);
  go();
}

const drip = (socket: Socket, bytes: string, everyMs = 20) => {
  let sent = 0;
  const timer = setInterval(() => socket.write(bytes[sent++ % bytes.length] ?? ' '), everyMs);
  socket.on('close', () => clearInterval(timer));
};
const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
const head = (status: string, headers: string[] = []) =>
  [`HTTP/1.1 ${status}`, `content-type: ${INDEX}`, ...headers, '', ''].join('\r\n');

/** Measures a call: its time, and the largest growth of memory. */
async function measured<T>(run: () => Promise<T>) {
  // Not the resident size: garbage of the previous test would hide the growth.
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = used();
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, used());
  }, 5);
  const started = performance.now();
  const result = await run();
  clearInterval(sampler);
  return { result, ms: performance.now() - started, grewMiB: (Math.max(peak, used()) - before) / MiB };
}

type Case = [what: string, act: (socket: Socket, head: string) => void, kind: string, says: RegExp];
const CASES: Case[] = [
  [
    'sends 100 MB and says so',
    (socket) => {
      socket.write(head('200 OK', [`content-length: ${100 * MiB}`]));
      pour(socket, PIECE, 100 * MiB);
    },
    'integrity',
    /more than 4194304 bytes/,
  ],
  [
    'sends a body without end',
    (socket) => {
      socket.write(head('200 OK', ['transfer-encoding: chunked']));
      pour(socket, PIECE, Number.POSITIVE_INFINITY, chunk);
    },
    'integrity',
    /more than 4194304 bytes/,
  ],
  [
    'sends 100 kB of gzip that would be 100 MB',
    (socket) => {
      socket.write(head('200 OK', ['content-encoding: gzip', `content-length: ${bomb.length}`]));
      socket.write(bomb);
    },
    'integrity',
    /more than 4194304 bytes/,
  ],
  [
    'sends a byte now and then',
    (socket) => {
      socket.write(head('200 OK', ['content-length: 1000000']));
      drip(socket, ' ');
    },
    'transient',
    /timeout/,
  ],
  [
    'falls silent in the middle of the body',
    (socket) => void socket.write(`${head('200 OK', ['content-length: 1000000'])}{`),
    'transient',
    /timeout/,
  ],
  ['never sends its headers', () => undefined, 'transient', /timeout/],
  [
    'sends a byte of its headers now and then',
    (socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyy'),
    'transient',
    /timeout/,
  ],
  [
    'sends headers without end',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, Buffer.from(`x-filler: ${'y'.repeat(8_000)}\r\n`));
    },
    'transient',
    /UND_ERR_HEADERS_OVERFLOW/,
  ],
  [
    'promises an answer for ever',
    (socket) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n')),
    'transient',
    /./,
  ],
  [
    'closes its side in the middle of the body',
    (socket) => socket.end(`${head('200 OK', ['content-length: 1000'])}{`),
    'transient',
    /UND_ERR_SOCKET/,
  ],
  ['closes its side at once', (socket) => socket.end(), 'transient', /UND_ERR_SOCKET/],
  [
    'cuts the connection in the middle of the body',
    (socket) => {
      socket.write(`${head('200 OK', ['content-length: 1000'])}{`, () => socket.resetAndDestroy());
    },
    'transient',
    /ECONNRESET|UND_ERR_SOCKET/,
  ],
  [
    'speaks no HTTP',
    (socket) => void socket.write('220 smtp.example.com ESMTP\r\n'),
    'transient',
    /does not match the HTTP.1.1 protocol/,
  ],
  [
    'refuses with 100 MB of reasons',
    (socket) => {
      socket.write(head('403 Forbidden', [`content-length: ${100 * MiB}`]));
      pour(socket, Buffer.from('no! '.repeat(16_384)), 100 * MiB);
    },
    'denied',
    /status 403: no! no!.{0,300}\.\.\./,
  ],
  [
    'refuses, a byte now and then',
    (socket) => {
      socket.write(head('403 Forbidden', ['content-length: 1000000']));
      drip(socket, 'no! ');
    },
    'denied',
    /status 403: no!/,
  ],
];

const VERBS: [string, (registry: Registry, repository: ReturnType<typeof at>) => Promise<unknown>][] = [
  ['getManifest', (registry, repository) => getManifest(registry, repository, LATEST)],
  [
    'putTag',
    (registry, repository) =>
      putTag(
        registry,
        { repository, digest: DIGEST, mediaType: INDEX, bytes: Buffer.from('{}'), children: [], attestations: [] },
        LATEST,
      ),
  ],
];

describe('a registry that', () => {
  test.each(CASES)('%s gives an error in time and in little memory', async (_what, act, kind, says) => {
    const { host } = await hostile(act);
    const { result, ms, grewMiB } = await measured(() => errorOf(getManifest(client(), at(host, 'app/web'), LATEST)));
    expect(result.kind).toBe(kind);
    expect(result.message).toMatch(says);
    expect(result.message.length).toBeLessThan(700);
    // The rest is for a loaded machine.
    expect(ms).toBeLessThan(SHORT.totalMs + 5_000);
    expect(grewMiB).toBeLessThan(60);
    process.stderr.write(process.env.FIGURES ? `${_what}: ${Math.round(ms)} ms, ${grewMiB.toFixed(1)} MiB\n` : '');
  });

  test.each(VERBS)('sends a body without end is bounded in %s', async (_name, verb) => {
    const { host } = await hostile((socket) => {
      socket.write(head('201 Created', ['transfer-encoding: chunked']));
      pour(socket, PIECE, Number.POSITIVE_INFINITY, chunk);
    });
    const { result, grewMiB } = await measured(() => errorOf(verb(client(), at(host, 'app/web'))));
    expect(result.kind).toBe('integrity');
    expect(grewMiB).toBeLessThan(60);
  });

  test('answers HEAD with a body gives its answer, and the connection is not used again', async () => {
    const { host } = await hostile((socket) => {
      socket.write(`${head('200 OK', ['content-length: 5'])}HTTP/`);
    });
    const manifest = {
      repository: at(host, 'app/web'),
      digest: DIGEST,
      mediaType: INDEX,
      bytes: Buffer.from(''),
      children: [DIGEST],
      attestations: [],
    };
    const registry = client();
    await requireChildren(registry, manifest);
    await requireChildren(registry, manifest);
  });

  test('names a token server that sends 100 MB', async () => {
    const token = await hostile((socket) => {
      socket.write(head('200 OK', [`content-length: ${100 * MiB}`]));
      pour(socket, PIECE, 100 * MiB);
    });
    const challenge = `www-authenticate: Bearer realm="http://${token.host}/token"`;
    const { host } = await hostile(
      (socket) => void socket.write(head('401 Unauthorized', [challenge, 'content-length: 0'])),
    );
    const { result, grewMiB } = await measured(() => errorOf(readTag(client(as(WRITER)), at(host, 'app/web'), LATEST)));
    expect(result.kind).toBe('integrity');
    expect(grewMiB).toBeLessThan(60);
  });

  test('challenges with hundreds of challenges is read once, and in time', async () => {
    const many = Array.from(
      { length: 120 },
      (_, index) => `Basic${index} realm="x,\\"${index}", Bearer scope="repository:a${index}:pull"`,
    );
    const { host } = await hostile(
      (socket) =>
        void socket.write(head('401 Unauthorized', [`www-authenticate: ${many.join(', ')}`, 'content-length: 0'])),
    );
    const { result, ms } = await measured(() => errorOf(readTag(client(as(WRITER)), at(host, 'app/web'), LATEST)));
    expect(result).toMatchObject({ kind: 'unauthorized', status: 401 });
    expect(ms).toBeLessThan(500);
  });
});

describe('an abort', () => {
  test.each(['getManifest', 'probeWrite', 'requireChildren', 'putTag'])(
    'of %s reaches the socket, and its reason comes back',
    async (name) => {
      const { host, sockets } = await hostile(() => undefined);
      const repository = at(host, 'app/web');
      const manifest = {
        repository,
        digest: DIGEST,
        mediaType: INDEX,
        bytes: Buffer.from('{}'),
        children: [DIGEST],
        attestations: [],
      };
      const registry = createRegistry();
      stops.push(() => registry.close());
      // Else it is asked by https first, and a connection under way ends by its own time limit.
      registry.schemes.set(host, 'http');
      const controller = new AbortController();
      const { signal } = controller;
      const running: Record<string, () => Promise<unknown>> = {
        getManifest: () => getManifest(registry, repository, LATEST, signal),
        probeWrite: () => probeWrite(registry, repository, signal),
        requireChildren: () => requireChildren(registry, manifest, signal),
        putTag: () => putTag(registry, manifest, LATEST, { signal }),
      };
      const outcome = running[name]?.().catch((reason: unknown) => reason);
      await until('the request is there', () => sockets.size > 0);
      const reason = new Error('not wanted any more');
      const aborted = performance.now();
      controller.abort(reason);
      expect(await outcome).toBe(reason);
      await until('the socket is closed', () => sockets.size === 0, 2_000);
      // Long before any time-out of the client.
      expect(performance.now() - aborted).toBeLessThan(2_000);
    },
  );
});
