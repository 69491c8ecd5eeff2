import * as z from 'zod';
import { InvalidInput } from '../../contract/brand.js';
import { parseJson } from '../../net/redact.js';
import type { Credentials } from '../context.js';

/** Docker's config.json: the parts about credentials. Entries are read when they are used: that of another host stops nothing. */
export interface DockerConfig {
  /** Where it was read from, for messages. */
  file: string;
  auths: ReadonlyMap<string, unknown>;
  credHelpers: ReadonlyMap<string, unknown>;
  credsStore?: string | undefined;
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const ENTRY = z
  .object({ auth: text, username: text, password: text, identitytoken: text, registrytoken: text })
  .nullable();
type AuthEntry = NonNullable<z.infer<typeof ENTRY>>;

const shape = z.looseObject({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credHelpers: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.string().nullish(),
});

/** Parses a config.json; an empty one counts as absent, as for Docker.
 * @throws {InvalidInput} naming the file, and nothing of its content. */
export function parseDockerConfig(given: string, file: string): DockerConfig {
  const content = given.replace(/^\ufeff/, '');
  const json = content.trim() === '' ? {} : parseJson(content);
  if (json === undefined) throw new InvalidInput(`${file} is not JSON (fix it, or log in again)`);
  const parsed = shape.safeParse(withGoNames(json));
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') || 'the top level';
    throw new InvalidInput(`${file} is not a Docker configuration at ${path} (fix it, or log in again)`);
  }
  const { auths, credHelpers, credsStore } = parsed.data;
  return {
    file,
    auths: new Map(Object.entries(auths ?? {})),
    credHelpers: new Map(Object.entries(credHelpers ?? {})),
    credsStore: credsStore || undefined,
  };
}

/** Docker reads its fields by names of any letter case, as Go does. */
function withGoNames(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  const nameOf = (given: string) =>
    Object.keys(shape.shape).find((name) => name.toLowerCase() === given.toLowerCase()) ?? given;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [nameOf(name), value]));
}

/** Helper for a host: its own, else the one for all hosts.
 * @throws {InvalidInput} if its own is not a name. */
export function findHelper({ file, credHelpers, credsStore }: DockerConfig, host: string): string | undefined {
  const key =
    keysOf(host).find((one) => credHelpers.has(one)) ?? [...credHelpers.keys()].find((one) => isFor(one, host));
  const helper = key === undefined ? undefined : credHelpers.get(key);
  if (helper === undefined || helper === null || helper === '') return credsStore;
  if (typeof helper === 'string') return helper;
  throw new InvalidInput(`${file} is not a Docker configuration at credHelpers.${host} (fix it, or log in again)`);
}

/** Whether it names a host, or a helper that may know it.
 * @throws {InvalidInput} if its own helper is not a name. */
export const namesHost = (config: DockerConfig, host: string): boolean =>
  findHelper(config, host) !== undefined ||
  [...config.auths.keys()].some((key) => keysOf(host).includes(key) || isFor(key, host));

/** Entry for a repository: the longest key that is a prefix of it, else any key of its host.
 * @throws {InvalidInput} if that entry cannot be read. */
export function findEntry({ file, auths }: DockerConfig, host: string, repository: string): Credentials | null {
  const parts = repository.split('/');
  const paths = parts.map((_, index) => `${host}/${parts.slice(0, parts.length - index).join('/')}`);
  const exact = [...paths, ...keysOf(host)];
  for (const key of [
    ...exact.filter((one) => auths.has(one)),
    ...[...auths.keys()].filter((one) => isFor(one, host)),
  ]) {
    const { data, success } = ENTRY.safeParse(auths.get(key));
    if (!success)
      throw new InvalidInput(
        `${file} is not a Docker configuration at auths.${key.replace(/[^\x21-\x7e]/g, '?')} (fix it, or log in again)`,
      );
    if (data === null) continue;
    requireDecodable(data, `${file}, auths ${JSON.stringify(key)}`);
    const credentials = credentialsOf(data);
    if (credentials) return credentials;
  }
  return null;
}

/** Names of Docker Hub, whose host is `index.docker.io` here. */
const HUB = ['index.docker.io', 'https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io'];
const keysOf = (host: string) => (host === 'index.docker.io' ? HUB : [host]);
/** Whether a key such as `https://ghcr.io/v2/` is of that host. */
const isFor = (key: string, host: string) =>
  key
    .replace(/^https?:\/\//i, '')
    .split('/')[0]
    ?.toLowerCase() === host;

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
