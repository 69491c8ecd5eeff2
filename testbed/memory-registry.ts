import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, ociError, type RegistryRequest, RegistryStore, type ServeOptions } from './registry-store.js';

/** A request, and how it ended. */
export interface LoggedRequest extends RegistryRequest {
  /** Arrival, in ms since the epoch. */
  readonly at: number;
  /** Status of the answer; 0 while the request hangs, and if the connection was dropped. */
  status: number;
}

/** A fault of the registry, for the requests that it matches. */
export interface Fault {
  readonly match: (request: RegistryRequest) => boolean;
  /** Number of requests that it applies to; all of them if left out. */
  readonly times?: number;
  /** Answers in place of the registry. `serve` gets the answer of the registry; `drop` closes the connection; `hang` keeps it open without an answer. */
  readonly respond: (request: RegistryRequest, serve: Serve) => Response | Promise<Response>;
}

export type Serve = (options?: ServeOptions) => Answer;
export type Response = Answer | 'drop' | 'hang';

export interface MemoryRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly requests: readonly LoggedRequest[];
  /** `METHOD path` of each request that this registry does not implement; a test asserts that it is empty. */
  readonly unforeseen: readonly string[];
  readonly faults: {
    /** Adds a fault. Returns the function that removes it. If several match, the first one added applies. */
    add(fault: Fault): () => void;
  };
  stop(): Promise<void>;
}

type Ask = (request: RegistryRequest) => Promise<Response>;

/** The registries that listen in this process, by host. */
const running = new Map<string, Ask>();

/** Asks a registry of this process as a request would: with its faults, and a line in `requests`. Undefined if `host` is another. */
export async function askOfThisProcess(host: string, request: RegistryRequest): Promise<Response | undefined> {
  return running.get(host)?.(request);
}

/** Starts an OCI registry in this process, in memory and with fault switches. */
export async function startMemoryRegistry(): Promise<MemoryRegistry> {
  const store = new RegistryStore();
  const requests: LoggedRequest[] = [];
  const unforeseen: string[] = [];
  const faults: { fault: Fault; left: number }[] = [];

  async function answer(request: RegistryRequest): Promise<Response> {
    const serve: Serve = (options) => {
      const answered = store.serve(request, options);
      if (answered !== undefined) return answered;
      unforeseen.push(`${request.method} ${request.path}`);
      return ociError(500, 'UNFORESEEN', `the memory registry was not made for ${request.method} ${request.path}`);
    };
    const active = faults.find(({ fault, left }) => left > 0 && fault.match(request));
    if (active === undefined) return serve();
    active.left -= 1;
    return active.fault.respond(request, serve);
  }

  const ask: Ask = async (asked) => {
    const request = { ...asked, at: Date.now(), status: 0 };
    requests.push(request);
    try {
      const response = await answer(request);
      if (typeof response !== 'string') request.status = response.status;
      return response;
    } catch (error) {
      unforeseen.push(`${request.method} ${request.path}: ${error}`);
      return 'drop';
    }
  };
  const server = createServer(async (incoming, outgoing) => {
    const request = await read(incoming);
    const response = await ask(request);
    if (response === 'drop') incoming.socket.destroy();
    else if (response !== 'hang') send(outgoing, request.method, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A registry that a test forgot to stop must not keep the process alive.
  server.unref();
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  running.set(host, ask);

  return {
    host,
    requests,
    unforeseen,
    faults: {
      add: (fault) => {
        const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
        faults.push(entry);
        return () => {
          entry.left = 0;
        };
      },
    },
    stop: () =>
      new Promise((resolve) => {
        running.delete(host);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(incoming: IncomingMessage): Promise<RegistryRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const url = new URL(incoming.url ?? '/', 'http://registry');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}

function send(outgoing: ServerResponse, method: string, { status, headers, body }: Answer): void {
  // The answer to HEAD has the Content-Length of the answer to GET; Node sends no body.
  outgoing.writeHead(status, { 'content-length': body?.length ?? 0, ...headers });
  outgoing.end(method === 'HEAD' ? undefined : body);
}
