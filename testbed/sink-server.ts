import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Request as it arrived. */
export interface SinkRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface SinkAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface SinkServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Requests that were answered with 2xx, in order. */
  readonly taken: SinkRequest[];
  /** All requests, in order. */
  readonly requests: SinkRequest[];
  /** Switch: what it answers; null closes the connection without an answer. */
  answer: (request: SinkRequest) => SinkAnswer | null | Promise<SinkAnswer | null>;
  stop(): Promise<void>;
}

/** Starts a server that records what a webhook receives. */
export async function startSinkServer(): Promise<SinkServer> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const { method = '', url: path = '', headers } = incoming;
      const request = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      sink.requests.push(request);
      const answer = await sink.answer(request);
      if (answer === null) {
        outgoing.destroy();
        return;
      }
      if (answer.status < 300) sink.taken.push(request);
      outgoing.writeHead(answer.status, answer.headers ?? {}).end(answer.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sink: SinkServer = {
    url: `http://127.0.0.1:${port}`,
    taken: [],
    requests: [],
    answer: () => ({ status: 200, body: 'ok' }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return sink;
}
