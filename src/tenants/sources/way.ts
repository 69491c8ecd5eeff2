import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { InvalidInput } from '../../contract/brand.js';
import { parsePassword, parseSecretText } from '../../contract/secret.js';
import { type Network, withProxy } from '../../net/network.js';
import { parseProxy } from '../../net/proxy.js';
import type { TlsMaterial } from '../../net/trust.js';
import type { Access } from '../../smoke/session.js';
import type { Entry, Source } from './schema.js';

/** Reads the text of a source; empty if that cannot be done, which is reported then. */
export type ReadSource = (what: string, source: string | Source, parse: (text: string) => string) => string;

/** How a tenant of a fleet file is reached: what it names, else as the environment says. */
export function readWay(
  entry: Entry,
  network: Network,
  read: ReadSource,
  report: (problem: string) => void,
): Pick<Access, 'network' | 'tls' | 'tokenHeader' | 'edgeLogin'> {
  const { tokenHeader, basicAuth, tls, proxy } = entry;
  if (basicAuth !== undefined && entry.token !== undefined && tokenHeader === undefined)
    report('basicAuth takes the header Authorization: name the header of the token in tokenHeader');
  const material = tls && readTls(tls, read, report);
  return {
    network: proxy === undefined ? network : proxyOf(proxy, network, read, report),
    ...(tokenHeader !== undefined && { tokenHeader }),
    ...(basicAuth !== undefined && { edgeLogin: read('basicAuth', basicAuth, parseLogin) }),
    ...(material && { tls: material }),
  };
}

function parseLogin(text: string): string {
  const login = parsePassword(text).trim();
  if (login !== '' && !login.includes(':')) throw new InvalidInput('is not user:password');
  return login;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Each certificate is read: a TLS library passes over one that it cannot read. */
function parseCertificates(text: string): string {
  if (text.trim() === '') return text;
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new InvalidInput('is not PEM: expected -----BEGIN CERTIFICATE----- …');
  if (!blocks.every((block) => canBe(() => new X509Certificate(block))))
    throw new InvalidInput('has a certificate that cannot be read');
  return text;
}

function parseKey(text: string): string {
  if (text.trim() === '' || canBe(() => createPrivateKey(text))) return text;
  throw new InvalidInput('is not a private key without a passphrase, as PEM');
}

function canBe(made: () => unknown): boolean {
  try {
    made();
    return true;
  } catch {
    return false;
  }
}

function readTls(
  { ca, cert, key }: NonNullable<Entry['tls']>,
  read: ReadSource,
  report: (problem: string) => void,
): TlsMaterial | null {
  if ((cert === undefined) !== (key === undefined)) {
    report('tls: a client certificate needs its key: name both cert and key');
    return null;
  }
  const pem = (what: string, source: Source | undefined, parse: (text: string) => string) =>
    source === undefined ? undefined : read(`tls.${what}`, source, parse);
  const authority = pem('ca', ca, parseCertificates);
  const [certificate, secret] = [pem('cert', cert, parseCertificates), pem('key', key, parseKey)];
  if ([authority, certificate, secret].includes('')) return null;
  const client = certificate !== undefined && secret !== undefined ? { cert: certificate, key: secret } : null;
  try {
    createSecureContext({ ...(authority !== undefined && { ca: authority }), ...client });
  } catch (error) {
    report(`tls cannot be used: ${(error as Error).message}`);
    return null;
  }
  return { ca: authority === undefined ? [] : [authority], client };
}

function proxyOf(
  proxy: string | Source,
  network: Network,
  read: ReadSource,
  report: (problem: string) => void,
): Network {
  if (proxy === 'none') return withProxy(network, null);
  const address = read('proxy', proxy, parseSecretText);
  if (address === '') return network;
  try {
    const parsed = parseProxy(address, 'proxy');
    if (typeof proxy === 'string' && parsed.authorization !== null)
      report('proxy has a login: a fleet file contains no secret, name a variable or a file that has the address');
    return withProxy(network, { ...parsed, by: 'of the fleet file' });
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    report(error.message);
    return network;
  }
}
