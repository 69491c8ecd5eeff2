import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  type ClientConfigProfile,
  type ConfigDataSource,
  loadClientConfigProfile,
  loadConfigData,
  toClientOptions,
} from '@temporalio/envconfig';
import { InvalidInput, shown } from '../contract/brand.js';
import { parseSecretText, parseToken } from '../contract/secret.js';
import { liveFile } from '../net/live-file.js';
import { isLoopback } from '../net/loopback.js';
import { shownProxy } from '../net/proxy.js';
import { readNamedFile } from './payloads/keys.js';
import { proxyTo } from './transport/proxy.js';

/** The SDK's default. */
const DEFAULT_ADDRESS = '127.0.0.1:7233';
const ADDRESS = /^(?:\[[0-9a-f:.]+\]|[^\s:/@]+)(?::\d{1,5})?$/i;

/** File of the API key, for one that is rotated: the SDK's configuration has only the key itself. */
const KEY_FILE = 'TEMPORAL_API_KEY_FILE';

/** Where a process connects, as whom, and how, for people: never a key. */
export interface ConnectionFacts {
  address: string;
  namespace: string;
  /** `API key`, `client certificate <subject>`, `headers`, or `no credentials`. */
  as: string;
  tls: boolean;
  /** Name that the server's certificate must have instead of the address. */
  serverName?: string;
  /** The proxy on the way, without its login. */
  via?: string;
}

/** The address and credentials of Temporal, by the SDK's environment configuration, which an empty value does not change. A named file
 * that is missing is an error, never localhost; credentials leave this machine over TLS only.
 * @returns `apiKey`: the key of `TEMPORAL_API_KEY_FILE` as it is now; null if there is no such file.
 * @throws {InvalidInput} */
export function connectionConfig(env: NodeJS.ProcessEnv) {
  const profile = readProfile(env);
  const { connectionOptions, namespace = 'default' } = readable(() => toClientOptions(profile));
  const { address = DEFAULT_ADDRESS, tls } = connectionOptions;
  if (!ADDRESS.test(address))
    throw new InvalidInput(
      `invalid address of Temporal${address.includes('@') ? ', which has an @ and is not shown' : ` ${shown(address)}`}: expected host:port without scheme or path, e.g. ${DEFAULT_ADDRESS} (TEMPORAL_ADDRESS, or address of the profile)`,
    );
  const credentials = credentialsOf(profile);
  if (!tls && credentials.length > 0 && !isThisMachine(address))
    throw new InvalidInput(
      `Temporal at ${address} would get the ${credentials[0]} in clear text: set TEMPORAL_TLS=true, or unset what switches TLS off`,
    );
  const serverName = profile.tls?.serverName;
  const proxy = proxyTo(env, address);
  const facts: ConnectionFacts = {
    address,
    namespace,
    as: credentials.join(', ') || 'no credentials',
    tls: Boolean(tls),
    ...(tls && serverName && { serverName }),
    ...(proxy && { via: shownProxy(proxy) }),
  };
  return { connectionOptions, namespace, facts, proxy, apiKey: currentKey(env, profile.apiKey) };
}

function readProfile(env: NodeJS.ProcessEnv): ClientConfigProfile {
  const file = env.TEMPORAL_CONFIG_FILE;
  // The SDK treats a missing file as no configuration, and connects to localhost.
  if (file && !existsSync(file)) throw new InvalidInput(`TEMPORAL_CONFIG_FILE: no such file ${file}`);
  const tls = env.TEMPORAL_TLS?.trim();
  // The SDK takes every other text for false.
  if (tls && !['true', 'false', '1', '0'].includes(tls))
    throw new InvalidInput(`TEMPORAL_TLS: invalid value ${shown(tls)}: expected true, false, 1 or 0`);
  const set = Object.entries(env).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  const given = { ...Object.fromEntries(set), ...(tls && { TEMPORAL_TLS: tls }) };
  const profile = readable(() => loadClientConfigProfile({ configFileStrict: true, overrideEnvVars: given }));
  const { clientCert, clientKey } = profile.tls ?? {};
  // The SDK drops one without the other.
  if ((clientCert === undefined) !== (clientKey === undefined))
    throw new InvalidInput('a client certificate needs its key: set both TEMPORAL_TLS_CLIENT_CERT_… and …_KEY_…');
  const { apiKey, grpcMeta } = profile;
  const keyInFile = readNamedFile(env, KEY_FILE);
  if (keyInFile !== null && apiKey !== undefined)
    throw new InvalidInput(`${KEY_FILE} and TEMPORAL_API_KEY, or api_key of the profile, are both set: keep one`);
  if (keyInFile !== null) profile.apiKey = parseKey(keyInFile);
  if (apiKey !== undefined) profile.apiKey = asSent('TEMPORAL_API_KEY, or api_key of the profile,', parseToken, apiKey);
  for (const [name, value] of Object.entries(grpcMeta ?? {}))
    profile.grpcMeta = { ...profile.grpcMeta, [name]: asSent(`the value of header ${name}`, parseSecretText, value) };
  return profile;
}

/** @throws {InvalidInput} */
function parseKey(text: string): string {
  const key = asSent(KEY_FILE, parseToken, text);
  if (key === '') throw new InvalidInput(`${KEY_FILE}: the file is empty`);
  return key;
}

function currentKey(env: NodeJS.ProcessEnv, first: string | undefined): (() => string) | null {
  const isInFile = env[KEY_FILE]?.trim() && first !== undefined;
  return isInFile ? liveFile(first, () => readNamedFile(env, KEY_FILE) ?? '', parseKey) : null;
}

function asSent(name: string, parse: (text: string) => string, given: string): string {
  try {
    return parse(given);
  } catch (error) {
    throw new InvalidInput(`${name} ${(error as Error).message}`);
  }
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidInput(`invalid Temporal configuration: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What identifies this process to the server. */
function credentialsOf({ apiKey, tls, grpcMeta = {} }: ClientConfigProfile): string[] {
  const secretHeader = Object.keys(grpcMeta).find((name) => /auth|token|key|secret|cookie/i.test(name));
  return [
    ...(apiKey === undefined ? [] : ['API key']),
    ...(tls?.clientCert === undefined ? [] : [`client certificate${subjectOf(tls.clientCert)}`]),
    ...(secretHeader === undefined ? [] : [`header ${secretHeader}`]),
  ];
}

/** The subject of a certificate, which is public; nothing if it cannot be read: the connection says why. */
function subjectOf(source: ConfigDataSource): string {
  try {
    return ` ${new X509Certificate(loadConfigData(source) ?? '').subject.replaceAll('\n', ', ')}`;
  } catch {
    return '';
  }
}

/** Whether an address, as the SDK reads it, is this machine; nothing is resolved. */
function isThisMachine(address: string): boolean {
  const [, host] = /^(\[::1\]|[a-z0-9.-]+)(?::\d+)?$/i.exec(address) ?? [];
  return host !== undefined && isLoopback(host.toLowerCase());
}
