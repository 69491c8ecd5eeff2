import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { InvalidInput } from '../contract/brand.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What the TLS connections to one host need besides the usual authorities. */
export interface TlsMaterial {
  /** Further authorities, as PEM. */
  ca: string[];
  /** Client certificate with its chain, and its key, as PEM. */
  client: { cert: string; key: string } | null;
  /** Whether any certificate will do. */
  isUnverified?: boolean;
}

const BEGIN = '-----BEGIN CERTIFICATE-----';

/** Files and folders of authorities that the environment names: those of OpenSSL and Go count besides Node's own. */
export interface Authorities {
  /** All of them, as PEM; null if Node's own suffice. */
  ca: readonly string[] | null;
  /** Those of Node. */
  own: () => readonly string[];
  /** What could not be read, one line each. */
  problems: string[];
}

/** Reads `SSL_CERT_FILE` and the folders of `SSL_CERT_DIR`, to which Node pays no attention. What cannot be read adds nothing, as with Go. */
export function readAuthorities(env: Env): Authorities {
  const problems: string[] = [];
  const readOr = (variable: string, path: string, read: () => string[]): string[] => {
    try {
      return read();
    } catch (error) {
      problems.push(`${variable}: ${(error as NodeJS.ErrnoException).code}: ${path}`);
      return [];
    }
  };
  const file = env.SSL_CERT_FILE?.trim();
  const folders = (env.SSL_CERT_DIR ?? '').split(':').filter((folder) => folder.trim() !== '');
  const texts = [
    ...(file ? readOr('SSL_CERT_FILE', file, () => [readFileSync(file, 'utf8')]) : []),
    ...folders.flatMap((folder) => readOr('SSL_CERT_DIR', folder, () => certificatesIn(folder))),
  ];
  const own = () => nodesOwn(env);
  return { ca: texts.length === 0 ? null : [...new Set([...own(), ...texts])], own, problems };
}

/** The authorities that Node trusts; an own list replaces them. */
function nodesOwn(env: Env): readonly string[] {
  const { getCACertificates } = tls as unknown as { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates) return getCACertificates('default');
  const extra = env.NODE_EXTRA_CA_CERTS?.trim();
  try {
    return [...tls.rootCertificates, ...(extra ? [readFileSync(extra, 'utf8')] : [])];
  } catch {
    // Node warns of it at its start.
    return tls.rootCertificates;
  }
}

function certificatesIn(folder: string): string[] {
  const read = (name: string) => {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync(folder)
    .map(read)
    .filter((text) => text.includes(BEGIN));
}

/** Folders of Podman and Docker with a folder for each registry, those of the user first. */
const certsFolders = (env: Env): string[] => {
  const home = env.HOME?.trim() || homedir();
  return [
    join(home, '.config/containers/certs.d'),
    '/etc/containers/certs.d',
    join(home, '.config/docker/certs.d'),
    '/etc/docker/certs.d',
  ];
};

/**
 * Authorities and client certificate of a registry, as Docker lays them out: `certs.d/HOST[:PORT]/` with `*.crt` for authorities and
 * `*.cert` with `*.key` for clients. The first folder that exists counts. Read for each connection, for certificates are renewed.
 * @throws {InvalidInput} naming the file.
 */
export function certsOf(env: Env, host: string): TlsMaterial | null {
  for (const folder of certsFolders(env).map((parent) => join(parent, host))) {
    const names = namesIn(folder);
    if (names === null) continue;
    const read = (name: string) => readPem(join(folder, name));
    const cert = names.find((name) => name.endsWith('.cert'));
    const key = cert?.replace(/cert$/, 'key');
    if (key !== undefined && !names.includes(key))
      throw new InvalidInput(`${join(folder, cert ?? '')} has no key beside it: expected ${key}`);
    return {
      ca: names.filter((name) => name.endsWith('.crt')).map(read),
      client: cert !== undefined && key !== undefined ? { cert: read(cert), key: read(key) } : null,
    };
  }
  return null;
}

function namesIn(folder: string): string[] | null {
  try {
    return readdirSync(folder).sort();
  } catch {
    return null;
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidInput(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** Options of a TLS connection. */
export interface TlsOptions {
  secureContext?: tls.SecureContext;
  rejectUnauthorized?: boolean;
}

/** Makes the TLS options of connections; what needs many authorities is made once.
 * @throws {InvalidInput} if certificate and key do not go together. */
export function createTlsOptions(authorities: () => Authorities): (material: TlsMaterial | null) => TlsOptions {
  const made = new Map<string, tls.SecureContext>();
  return (material) => {
    if (material === null && authorities().ca === null) return {};
    const { client = null, isUnverified = false } = material ?? {};
    const key = JSON.stringify([material?.ca, client, isUnverified]);
    const secureContext = made.get(key) ?? contextOf(authorities, material);
    // Certificates are renewed some hundred times at most.
    if (made.size > 100) made.clear();
    made.set(key, secureContext);
    return {
      secureContext,
      ...(isUnverified && { rejectUnauthorized: false }),
    };
  };
}

function contextOf(authorities: () => Authorities, material: TlsMaterial | null): tls.SecureContext {
  // Where any certificate will do, none of the hundred authorities is read: that takes longer than a request.
  const all = material?.isUnverified ? [] : trusted(authorities(), material?.ca ?? []);
  try {
    return tls.createSecureContext({ ...(all && { ca: all }), ...material?.client });
  } catch (error) {
    throw new InvalidInput(`the certificates or the key of this client cannot be used: ${(error as Error).message}`);
  }
}

/** Authorities that a certificate may come from; null: Node's own. */
function trusted({ ca, own }: Authorities, more: readonly string[]): string[] | null {
  return more.length > 0 || ca !== null ? [...(ca ?? own()), ...more] : null;
}
