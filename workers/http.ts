import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpAddress } from '../src/config/parsers.js';
import { send } from '../src/net/http.js';
import { DIRECT } from '../src/net/network.js';

/** What the worker's own address answers with. */
export interface HttpParts {
  /** Why the worker must be started again; null while it lives. */
  dead: () => string | null;
  /** Why the worker is not ready; null when it is. Asked at each call. */
  notReady: () => Promise<string | null>;
  /** Where the SDK's exporter serves its metrics. */
  metrics: URL;
  /** Our own metrics, in the same format. */
  ownMetrics: () => string;
}

/** Time-out of a scrape, in milliseconds. */
const METRICS_MS = 2_000;
const MAX_METRICS = 8 * 1024 * 1024;

/**
 * Serves `/healthz` (no part of it has failed), `/readyz` (it polls, and Temporal reads its database for it) and `/metrics` (Prometheus).
 * @throws what the socket says, `EADDRINUSE` above all.
 */
export async function serveHttp({ host, port }: HttpAddress, parts: HttpParts) {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const answer = path === undefined ? undefined : ROUTES[path];
    if (answer === undefined || request.method !== 'GET') return respond(response, 404, 'not found\n');
    answer(parts, response).catch((error: unknown) => respond(response, 503, `${(error as Error).message}\n`));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    port: bound,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const ROUTES: Record<string, (parts: HttpParts, response: ServerResponse) => Promise<void>> = {
  '/healthz': async ({ dead }, response) => {
    const why = dead();
    respond(response, why === null ? 200 : 503, `${why ?? 'ok'}\n`);
  },
  '/readyz': async ({ notReady }, response) => {
    const why = await notReady();
    respond(response, why === null ? 200 : 503, `${why ?? 'ready'}\n`);
  },
  '/metrics': async ({ metrics, ownMetrics }, response) => {
    const { body } = await send({
      method: 'GET',
      url: metrics,
      network: DIRECT,
      timeoutMs: METRICS_MS,
      maxBytes: MAX_METRICS,
    });
    respond(response, 200, `${body}${ownMetrics()}`);
  },
};

function respond(response: ServerResponse, status: number, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
}
