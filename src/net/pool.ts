import { Agent, buildConnector, Pool, ProxyAgent } from 'undici';
import type { Network } from './network.js';
import type { TlsMaterial } from './trust.js';

export interface PoolOptions {
  network: Network;
  /** Until a connection is open, in milliseconds. */
  connectMs: number;
  /** Whether a connection serves more than one request; yes if left out. */
  reuse?: boolean;
  /** Connections to one origin at once. */
  connections?: number;
  /** Longest head of an answer, in bytes; Node's limit of 16 KiB if left out. */
  maxHeaderBytes?: number;
  /** What the connections to an origin need besides the usual authorities; asked for each connection that goes through no proxy. */
  tlsFor?: (url: URL) => TlsMaterial | null;
}

/** Connections to one origin: a large index has many children, and its registry gets no more than this at once. */
const MAX_CONNECTIONS = 16;
/** Headers of an answer, in bytes, as Node limits them. */
const MAX_HEADERS = 16 * 1024;
/** How long one address of a host is tried before the next, in milliseconds. Node's 250 ms are less than many handshakes take. */
const ADDRESS_MS = 2_000;

/**
 * A pool of connections; the caller closes it. Never Node's own global dispatcher: it belongs to the undici inside Node,
 * whose handlers differ from those of the package from Node 26 on (`UND_ERR_INVALID_ARG`).
 */
export function openPool({
  network,
  connectMs,
  reuse = true,
  connections,
  maxHeaderBytes = MAX_HEADERS,
  tlsFor,
}: PoolOptions): Agent {
  const limits = { timeout: connectMs, autoSelectFamilyAttemptTimeout: ADDRESS_MS };
  const options = {
    connections: connections ?? MAX_CONNECTIONS,
    maxHeaderSize: maxHeaderBytes,
    // The caller bounds each request.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(!reuse && { pipelining: 0 }),
  };
  const tlsOf = (url: URL) => ({ ...limits, ...network.tlsOptions(tlsFor?.(url) ?? null) });
  return new Agent({
    ...options,
    factory: (origin) => {
      const url = new URL(origin);
      const proxy = network.proxyFor(url);
      if (proxy === null) {
        const connect: buildConnector.connector = (to, callback) => {
          try {
            buildConnector(tlsOf(url))(to, callback);
          } catch (error) {
            callback(error as Error, null);
          }
        };
        return new Pool(url.origin, { ...options, connect });
      }
      return new ProxyAgent({
        ...options,
        uri: proxy.url.href,
        ...(proxy.authorization !== null && { token: proxy.authorization }),
        clientFactory: (to, given) => new Pool(to, { ...given, headersTimeout: connectMs }),
        proxyTunnel: url.protocol === 'https:',
        proxyTls: { ...limits, ...network.tlsOptions(null) },
        requestTls: tlsOf(url),
      });
    },
  });
}
