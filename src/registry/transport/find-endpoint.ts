import type { Repository } from '../../contract/image.js';
import { NoAnswer, send } from '../../net/http.js';
import type { Registry } from '../context.js';
import { type Endpoint, endpointOf } from './endpoint.js';

/** What proves a server of plain text: bytes that are no TLS. A reset proves nothing. */
export const PLAIN_TEXT = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO'];
/** A refusal in TLS, as of a client without a certificate. */
const IN_TLS = /^ERR_SSL_.*ALERT/;

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

/**
 * Asks by https, then by http, without credentials. What no answer proves is not kept, and goes by https: a login must not go out in clear
 * because a connection broke.
 */
async function probe(registry: Registry, host: string, signal: AbortSignal): Promise<'https' | 'http'> {
  const { schemes } = registry;
  const byTls = await answerOf(registry, `https://${host}/v2/`, signal);
  const isTls = typeof byTls === 'number' || byTls === 'too-large' || IN_TLS.test(byTls);
  // Servers of TLS answer 400 to plain text.
  const isPlain = async () => {
    const inClear = await answerOf(registry, `http://${host}/v2/`, signal);
    return typeof inClear === 'number' && inClear !== 400;
  };
  const isProven = isTls || PLAIN_TEXT.includes(byTls) || (byTls !== 'ECONNREFUSED' && (await isPlain()));
  const scheme = isTls || !isProven ? 'https' : 'http';
  if (isProven) schemes.set(host, scheme);
  return scheme;
}

/** Status of an answer; the code of the failure if none came. */
async function answerOf(registry: Registry, url: string, signal: AbortSignal): Promise<number | string> {
  const { waits, network, pool } = registry;
  try {
    const { status } = await send({
      method: 'GET',
      url: new URL(url),
      network,
      dispatcher: pool,
      timeoutMs: waits.connectMs,
      maxBytes: 64 * 1024,
      maxErrorBytes: 0,
      signal,
    });
    return status;
  } catch (error) {
    if (error instanceof NoAnswer) return error.code;
    throw error;
  }
}
