import { z } from 'zod';
import { InvalidInput } from '../../contract/brand.js';
import type { Credentials } from '../context.js';
import { parseJson } from '../transport/json.js';

/** Docker's config.json, as far as it says who we are. */
export interface DockerConfig {
  /** Where it came from, for messages. */
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

/** @throws {InvalidInput} naming the file, and nothing of what stands in it. */
export function parseDockerConfig(given: string, file: string): DockerConfig {
  const json = parseJson(given);
  if (json === undefined) throw new InvalidInput(`${file} is not JSON: mend it, or log in again`);
  const parsed = shape.safeParse(json);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') || 'the whole';
    throw new InvalidInput(`${file} is no Docker configuration, at ${path}: mend it, or log in again`);
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

/** The helper for a host: its own before the one for all. */
export function findHelper({ credHelpers, credsStore }: DockerConfig, host: string): string | undefined {
  return credHelpers.get(host) ?? (isHub(host) ? credHelpers.get('docker.io') : undefined) ?? credsStore;
}

/** The entry for a repository: the longest key that leads to it, then any key of its host. */
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
/** `https://ghcr.io/v2/` is filed under `ghcr.io`, too. */
const hostOf = (key: string) => key.replace(/^https?:\/\//, '').split('/')[0];

/** Null for an entry that only says that a helper has it. */
function credentialsOf(given: AuthEntry): Credentials | null {
  if (given.registrytoken) return { kind: 'registry-token', token: given.registrytoken };
  if (given.identitytoken) return { kind: 'identity-token', token: given.identitytoken };
  if (given.auth) return decodeAuth(given.auth);
  if (given.username && given.password) return { kind: 'basic', username: given.username, password: given.password };
  return null;
}

/** base64 of `user:password`; the first colon parts them, and old dockers filled up with zero bytes. */
function decodeAuth(auth: string): Credentials | null {
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 1) return null;
  return { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function requireDecodable(given: AuthEntry, where: string): void {
  if (given.auth && decodeAuth(given.auth) === null && !given.identitytoken && !given.registrytoken)
    throw new InvalidInput(`${where}: auth is not base64 of user:password: log in again`);
}
