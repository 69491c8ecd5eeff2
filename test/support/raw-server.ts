import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** One answer of a server that may send anything. */
export interface RawAnswer {
  status?: number;
  headers?: Record<string, string | string[]>;
  body?: string;
  /** The body in base64, in place of `body`. */
  base64?: string;
  /** Sends the body compressed, whatever its headers say. */
  gzip?: boolean;
}

/** Starts a server that gives the same answer to every request. */
export async function startRawServer() {
  let answer: RawAnswer = {};
  const server = createServer((request, response) => {
    const { status = 200, headers = {}, body = '', base64, gzip = false } = answer;
    const plain = base64 === undefined ? Buffer.from(body) : Buffer.from(base64, 'base64');
    request.resume();
    response.writeHead(status, headers).end(gzip ? gzipSync(plain) : plain);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    /** `127.0.0.1:PORT` */
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    answerWith: (wanted: RawAnswer) => {
      answer = wanted;
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
