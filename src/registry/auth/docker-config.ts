import { z } from 'zod';
import { InvalidInput } from '../../contract/brand.js';
import { parseJson } from '../../net/redact.js';
import type { Credentials } from '../context.js';

/** Docker's config.json: the parts about credentials. */
export interface DockerConfig {
  /** Where it was read from, for messages. */
  file: string;
  auths: ReadonlyMap<string, AuthEntry>;
  credHelpers: ReadonlyMap<string, string>;
  credsStore?: string | undefined;
}

const text = z.string().optional();
const entry = z.looseObject({ auth: text, username: text, password: text, identitytoken: text, registrytoken: text });
type AuthEntry = z.infer<typeof entry>;

const shape = z.looseObject({
  auths: z.record(z.string(), entry.nullable()).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});

/** Parses a config.json.
 * @throws {InvalidInput} naming the file, and nothing of its content. */
export function parseDockerConfig(given: string, file: string): DockerConfig {
  const json = parseJson(given.replace(/^\ufeff/, ''));
  if (json === undefined) throw new InvalidInput(`${file} is not JSON (fix it, or log in again)`);
  const parsed = shape.safeParse(json);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') || 'the top level';
    throw new InvalidInput(`${file} is not a Docker configuration at ${path} (fix it, or log in again)`);
  }
  const { auths, credHelpers, credsStore } = parsed.data;
  const entries = Object.entries(auths ?? {}).filter((pair): pair is [string, AuthEntry] => pair[1] !== null);
  for (const [key, value] of entries) requireDecodable(value, `${file}, auths ${JSON.stringify(key)}`);
  return {
    file,
    auths: new Map(entries),
    credHelpers: new Map(Object.entries(credHelpers ?? {})),
    credsStore: credsStore || undefined,
  };
}

/** Helper for a host: its own, else the one for all hosts. */
export function findHelper({ credHelpers, credsStore }: DockerConfig, host: string): string | undefined {
  return credHelpers.get(host) ?? (isHub(host) ? credHelpers.get('docker.io') : undefined) ?? credsStore;
}

/** Entry for a repository: the longest key that is a prefix of it, else any key of its host. */
export function findEntry({ auths }: DockerConfig, host: string, repository: string): Credentials | null {
  const parts = repository.split('/');
  const paths = parts.map((_, index) => `${host}/${parts.slice(0, parts.length - index).join('/')}`);
  for (const key of [...paths, host, ...(isHub(host) ? ['https://index.docker.io/v1/', 'docker.io'] : [])]) {
    const found = auths.get(key);
    const credentials = found && credentialsOf(found);
    if (credentials) return credentials;
  }
  for (const [key, value] of auths) {
    const credentials = hostOf(key) === host && credentialsOf(value);
    if (credentials) return credentials;
  }
  return null;
}

const isHub = (host: string) => host === 'index.docker.io';
/** Host of a key such as `https://ghcr.io/v2/`. */
const hostOf = (key: string) => key.replace(/^https?:\/\//, '').split('/')[0];

/** Credentials of an entry; null if it only names a helper. */
function credentialsOf(given: AuthEntry): Credentials | null {
  if (given.registrytoken) return { kind: 'registry-token', token: given.registrytoken };
  if (given.identitytoken) return { kind: 'identity-token', token: given.identitytoken };
  if (given.auth) return decodeAuth(given.auth);
  if (given.username && given.password) return { kind: 'basic', username: given.username, password: given.password };
  return null;
}

/** Decodes base64 of `user:password`, split at the first colon; old versions of Docker pad with zero bytes. */
function decodeAuth(auth: string): Credentials | null {
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 1) return null;
  return { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function requireDecodable(given: AuthEntry, where: string): void {
  if (given.auth && decodeAuth(given.auth) === null && !given.identitytoken && !given.registrytoken)
    throw new InvalidInput(`${where}: invalid auth: expected base64 of user:password (log in again)`);
}
