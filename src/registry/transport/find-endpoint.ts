import type { Repository } from '../../contract/image.js';
import { NoAnswer, send } from '../../net/http.js';
import type { Registry } from '../context.js';
import { type Endpoint, endpointOf } from './endpoint.js';

/** How a server answers that speaks no TLS: with plain text, or by closing the connection. */
const PLAIN = /^(?:ERR_SSL_|EPROTO$|ECONNRESET$|UND_ERR_SOCKET$|EPIPE$)/;

/**
 * Address of a repository. A host that may be asked by http, this machine or an insecure one, is tried by https first, as docker and crane
 * do; what it speaks is kept while it answers.
 */
export async function findEndpoint(registry: Registry, repository: Repository, signal: AbortSignal): Promise<Endpoint> {
  const endpoint = endpointOf(repository, registry.insecureHosts);
  if (endpoint.origin.startsWith('https:')) return endpoint;
  const { host } = endpoint;
  const known = registry.schemes.get(host);
  const scheme = known ?? (await registry.schemeFlights.join(host, signal, (flight) => probe(registry, host, flight)));
  return { ...endpoint, origin: new URL(`${scheme}://${host}`).origin };
}

/** Asks by https, without credentials. Only what speaks plain text for certain is kept as such: a server may be starting. */
async function probe(registry: Registry, host: string, signal: AbortSignal): Promise<'https' | 'http'> {
  const { waits, network, pool, schemes } = registry;
  try {
    await send({
      method: 'GET',
      url: new URL(`https://${host}/v2/`),
      network,
      dispatcher: pool,
      timeoutMs: waits.connectMs,
      maxBytes: 64 * 1024,
      maxErrorBytes: 0,
      signal,
    });
    schemes.set(host, 'https');
    return 'https';
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (PLAIN.test(error.code)) schemes.set(host, 'http');
    return error.code === 'too-large' ? 'https' : 'http';
  }
}
