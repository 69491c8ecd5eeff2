import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { ConnectionOptions } from '@temporalio/client';
import { certificateFault, lookAt } from '../../net/certificate-fault.js';
import { DIRECT } from '../../net/network.js';

type Tls = ConnectionOptions['tls'];

/** Time limit of one attempt, in milliseconds. */
const ATTEMPT_MS = 1_000;
const DEFAULT_PORT = 7233;
/** What a client of HTTP/2 sends first: the preface and an empty SETTINGS frame. A server answers with SETTINGS. */
const HELLO = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** What became of one attempt: bytes of the server, an error, or neither in time. */
interface Attempt {
  /** The handshake ended well; false without TLS. */
  secured: boolean;
  first: Buffer | null;
  code: string;
}

/**
 * What is wrong with TLS between here and a server that could not be used, with the fix; null if nothing, or if no server
 * answers. Neither client of Temporal tells it: this makes the handshake once more.
 */
export async function tlsFault(address: string, tls: Tls): Promise<string | null> {
  const { host, port } = partsOf(address);
  if (!tls) {
    const plain = await attempt(() => connectTcp({ host, port }));
    if (plain.code === 'ECONNREFUSED' || (plain.first !== null && plain.first[0] !== TLS_ALERT)) return null;
    const secure = await attempt(() =>
      connectTls({ host, port, ...serverNameOf(host), rejectUnauthorized: false, ...H2 }),
    );
    return secure.secured || secure.code.includes('ALERT') ? 'it expects TLS (set TEMPORAL_TLS=true)' : null;
  }
  const config = tls === true ? {} : tls;
  const options = optionsOf(host, config);
  try {
    const tried = await attempt(() => connectTls({ host, port, ...options }));
    if (PLAIN.test(tried.code)) return PLAIN_TEXT;
    const fix = FIXES.find(([codes]) => codes.test(tried.code))?.[1];
    if (fix) return `${await certificateFact(tried.code, { host, port }, config)} (${fix})`;
    if (tried.first !== null || tried.code === 'ETIMEDOUT') return null;
    if (tried.secured || REFUSED.test(tried.code)) return clientFault(Boolean(config.clientCertPair));
    const plain = await attempt(() => connectTcp({ host, port }));
    return plain.first === null ? null : PLAIN_TEXT;
  } catch (error) {
    // The certificate and the key of this side are read before a byte is sent.
    return `the client certificate cannot be used: ${(error as Error).message} (TEMPORAL_TLS_CLIENT_CERT_…, TEMPORAL_TLS_CLIENT_KEY_…)`;
  }
}

/** First byte of a TLS record that is an alert. */
const TLS_ALERT = 0x15;

const PLAIN_TEXT = 'it speaks plain text, not TLS (TEMPORAL_TLS=false, or the port of the server that has TLS)';

/** By the codes of Node and OpenSSL. */
const FIXES: [RegExp, string][] = [
  [/^(?:UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF)|SELF_SIGNED|DEPTH_ZERO)/, 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
  [/^CERT_HAS_EXPIRED$/, 'renew it on the server'],
  [/^CERT_NOT_YET_VALID$/, 'is the clock of this machine right?'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'TEMPORAL_TLS_SERVER_NAME, or another TEMPORAL_ADDRESS'],
];
const PLAIN = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/;

/** What is wrong with a certificate, with its dates or names: it is read once more. */
async function certificateFact(
  code: string,
  { host, port }: { host: string; port: number },
  { serverNameOverride }: Exclude<Tls, boolean | null | undefined>,
): Promise<string> {
  const url = new URL(`https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`);
  const { certificate } = await lookAt(url, null, DIRECT, serverNameOverride ?? undefined);
  const hostname = serverNameOverride || url.hostname;
  return certificateFault(code, certificate, { hostname, host: url.host }).what;
}

/** Alerts of a server about the certificate of its client. */
const REFUSED =
  /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)|ALERT_UNSUPPORTED_CERTIFICATE/;

const clientFault = (isGiven: boolean) =>
  isGiven
    ? 'it refuses the client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH: of an authority that it knows, and not expired)'
    : 'it requires a client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)';

const H2 = { ALPNProtocols: ['h2'] };

/** A literal address is no server name. */
const serverNameOf = (host: string, name?: string | null) =>
  name || isIP(host) === 0 ? { servername: name || host } : { servername: '' };

function optionsOf(host: string, tls: Exclude<Tls, boolean | null | undefined>): TlsOptions {
  const { crt, key } = tls.clientCertPair ?? {};
  return {
    ...serverNameOf(host, tls.serverNameOverride),
    ...(tls.serverRootCACertificate && { ca: Buffer.from(tls.serverRootCACertificate) }),
    ...(crt && key && { cert: Buffer.from(crt), key: Buffer.from(key) }),
    ...H2,
  };
}

function partsOf(address: string): { host: string; port: number } {
  const [, bracketed, plain = '', port] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(address) ?? [];
  return { host: bracketed ?? plain, port: Number(port ?? DEFAULT_PORT) };
}

/** Connects, greets the server, and waits for its first bytes, an error or the end of time. */
function attempt(open: () => Socket): Promise<Attempt> {
  const socket = open();
  return new Promise((resolve) => {
    let secured = false;
    const settle = (first: Buffer | null, code: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ secured, first, code });
    };
    const timer = setTimeout(() => settle(null, 'ETIMEDOUT'), ATTEMPT_MS);
    socket.once('secureConnect', () => {
      secured = true;
    });
    socket.once('connect', () => socket.write(HELLO));
    socket.once('data', (first: Buffer) => settle(first, ''));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(null, error.code ?? ''));
    socket.once('close', () => settle(null, 'ECONNRESET'));
  });
}
