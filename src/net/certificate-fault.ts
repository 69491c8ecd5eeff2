import { isIP } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import type { Network } from './network.js';
import type { ProxyServer } from './proxy.js';

/** Time limit of a second look at a certificate, in milliseconds. */
const LOOK_MS = 2_000;
/** How long an alert may take after a handshake, in milliseconds. */
const ALERT_MS = 300;

/** What is wrong with a certificate, by the code of the fault; without a certificate, by the code alone. */
export function certificateFault(
  code: string,
  found: DetailedPeerCertificate | null,
  { hostname, host }: Pick<URL, 'hostname' | 'host'>,
): { what: string; fix: string } {
  if (code === 'CERT_HAS_EXPIRED') {
    const ended = found && Date.parse(found.valid_to) < Date.now() ? ` on ${dateOf(found.valid_to)}` : '';
    return {
      what: `its certificate${ended ? '' : ', or one above it,'} expired${ended}`,
      fix: 'renew it on the server',
    };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    const now = dateOf(new Date().toISOString());
    return {
      what: `its certificate is not valid before ${found ? dateOf(found.valid_from) : 'a later time'}`,
      fix: `is the clock of this machine right? it shows ${now}`,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      what: `its certificate is for ${found ? namesOf(found) : 'another name'}, not for ${hostname}`,
      fix: 'use a name that the certificate has, or renew it with this one',
    };
  const issuer = found ? ` (${shownName(found.issuer)})` : '';
  return {
    what: `its certificate is of an unknown authority${issuer}`,
    fix: `add its authority: SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, or for a registry certs.d/${host}/ca.crt`,
  };
}

const dateOf = (text: string) => `${new Date(text).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const plain = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
const namesOf = ({ subjectaltname, subject }: DetailedPeerCertificate) =>
  plain(subjectaltname?.replaceAll(/(?:DNS|IP Address):/g, '') || shownName(subject));
const shownName = (name: DetailedPeerCertificate['subject'] | undefined) =>
  plain([name?.CN ?? name?.O ?? 'without a name'].flat().join(', '));

/** What a handshake showed. */
export interface Look {
  certificate: DetailedPeerCertificate | null;
  /** Code of what ended the connection within a moment; null if nothing did. */
  code: string | null;
}

/** Makes a handshake without trusting the host, and sends nothing. */
export async function lookAt(
  url: URL,
  proxy: ProxyServer | null,
  network: Network,
  serverName?: string,
): Promise<Look> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 443);
  const tunnel = proxy && (await tunnelTo(`${url.hostname}:${port}`, proxy, network));
  return new Promise((resolve) => {
    const look: Look = { certificate: null, code: null };
    const socket = connectTls({
      ...(tunnel ? { socket: tunnel } : { host, port }),
      servername: serverName ?? (isIP(host) === 0 ? host : ''),
      rejectUnauthorized: false,
    });
    const end = () => {
      clearTimeout(timer);
      resolve(look);
      socket.destroy();
    };
    let timer = setTimeout(end, LOOK_MS);
    socket.once('secureConnect', () => {
      look.certificate = socket.getPeerCertificate(true);
      // A server of TLS 1.3 refuses the client after the handshake.
      clearTimeout(timer);
      timer = setTimeout(end, ALERT_MS);
      socket.resume();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      look.code = error.code ?? null;
      end();
    });
  });
}

async function tunnelTo(path: string, proxy: ProxyServer, network: Network) {
  // Loaded only here: commands that talk to Temporal alone start without it.
  const { Client } = await import('undici');
  const client = new Client(proxy.url, {
    connect: { timeout: LOOK_MS, ...network.tlsOptions(null) },
    headersTimeout: LOOK_MS,
  });
  const { socket, statusCode } = await client.connect({
    path,
    ...(proxy.authorization !== null && { headers: { 'proxy-authorization': proxy.authorization } }),
  });
  if (statusCode !== 200) throw new Error('no tunnel');
  return socket;
}
