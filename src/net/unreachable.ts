import type { DetailedPeerCertificate } from 'node:tls';
import { errors } from 'undici';
import { InvalidInput } from '../contract/brand.js';
import { certificateFault, lookAt } from './certificate-fault.js';
import { DeadlineReached } from './deadline.js';
import type { Network } from './network.js';
import { type ProxyServer, shownProxy } from './proxy.js';

/** Why no complete answer came. */
export interface Failure {
  /** `timeout`, `proxy`, or the code of the socket, of TLS or of undici. */
  code: string;
  /** For people: the code, and what is behind it. */
  what: string;
  /** What fixes it. */
  fix?: string;
}

const TIMEOUTS = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];
/** Codes for which the way to the host matters. */
const ON_THE_WAY =
  /^(?:timeout|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|UND_ERR_SOCKET|proxy)$/;
/** Codes of a certificate that was refused here. */
const CERTIFICATE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;
/** Alerts of a server that wants another certificate of its client, or one at all. */
const CLIENT_CERTIFICATE =
  /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/;

const isCertificateFault = (code: string): boolean => CERTIFICATE.test(code) || CLIENT_CERTIFICATE.test(code);
/** The server speaks no TLS. */
const PLAIN = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/;

/** Whether waiting a minute does not help: a name that is not there, a certificate that is refused, a proxy that refuses. */
export const isLasting = ({ code }: Failure): boolean =>
  isCertificateFault(code) || PLAIN.test(code) || code === 'ENOTFOUND' || code === 'proxy';

/** What is wrong on the way to a host, in words that contain no credentials. A refused certificate is read once more, for its dates and names. */
export async function explainFailure(error: unknown, url: URL, { network }: { network: Network }): Promise<Failure> {
  const proxy = network.proxyFor(url);
  const proxied = error instanceof errors.SecureProxyConnectionError ? error.cause : null;
  const refused = /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(
    String((error as Error)?.message),
  );
  if (refused && proxy) return proxyRefused(refused[1] ?? refused[2] ?? '', proxy);
  if (proxied && proxy)
    return { code: 'proxy', what: `the certificate of the ${shownProxy(proxy)} is not accepted: ${codeOf(proxied)}` };
  const seen = codeOf(error);
  // undici tells a client that is refused by TLS 1.3 as a closed connection.
  const alert = seen === 'UND_ERR_SOCKET' && url.protocol === 'https:' ? await alertOf(url, proxy, network) : null;
  const code = alert ?? seen;
  if (isCertificateFault(code)) return certificateFailure(code, error, url, proxy, network);
  if (!ON_THE_WAY.test(code)) return { code, what: code === (error as Error).name ? String(error) : code };
  if (proxy) return { code, what: `${code}, through the ${shownProxy(proxy)}`, ...wayFix(code, proxy) };
  return { code, what: network.hasProxies ? `${code}, directly, as NO_PROXY and the scheme say` : code };
}

function codeOf(error: unknown): string {
  if (error instanceof DeadlineReached) return 'timeout';
  if (error instanceof InvalidInput) return error.message;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return error instanceof Error ? error.name : String(error);
  return TIMEOUTS.includes(code) ? 'timeout' : code;
}

/** What fails behind a proxy is seldom the name of the host: the proxy itself is looked up. */
const wayFix = (code: string, { url, by }: ProxyServer) =>
  ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED'].includes(code)
    ? { fix: `check ${by}: is ${url.host} a proxy that runs?` }
    : {};

function proxyRefused(status: string, proxy: ProxyServer): Failure {
  const what = `the ${shownProxy(proxy)} answers ${status}`;
  if (status === '407')
    return {
      code: 'proxy',
      what,
      fix: `put user and password of the proxy into ${proxy.by}: http://user:password@host:port`,
    };
  return { code: 'proxy', what, fix: 'does the proxy allow this host? if none is needed, add the host to NO_PROXY' };
}

/** Code of the alert by which a server refuses this client; null if the error is no such alert. */
async function alertOf(url: URL, proxy: ProxyServer | null, network: Network): Promise<string | null> {
  const { code } = await lookAt(url, proxy, network).catch(() => ({ code: null }));
  return code !== null && CLIENT_CERTIFICATE.test(code) ? code : null;
}

async function certificateFailure(
  code: string,
  error: unknown,
  url: URL,
  proxy: ProxyServer | null,
  network: Network,
): Promise<Failure> {
  if (CLIENT_CERTIFICATE.test(code) && !CERTIFICATE.test(code))
    return {
      code,
      what: `${code}: it wants a client certificate that it accepts`,
      fix: `docs/networks.md: client certificate for ${url.host}`,
    };
  const own = (error as { cert?: DetailedPeerCertificate }).cert;
  const found = own ?? (await lookAt(url, proxy, network).catch(() => null))?.certificate ?? null;
  const { what, fix } = certificateFault(code, found, url);
  return { code, what: `${code}: ${what}`, fix };
}
