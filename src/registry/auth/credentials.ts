import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidInput } from '../../contract/brand.js';
import { parsePassword, parseToken } from '../../contract/secret.js';
import type { CredentialSource, Credentials } from '../context.js';
import { askHelper } from './credential-helper.js';
import { type DockerConfig, findEntry, findHelper, namesHost, parseDockerConfig } from './docker-config.js';

export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export const areSame = (one: Credentials, other: Credentials) => JSON.stringify(one) === JSON.stringify(other);

/** What no message may contain. */
export function secretsOf(credentials: Credentials | null): string[] {
  if (!credentials) return [];
  if (credentials.kind !== 'basic') return [credentials.token];
  return [credentials.password, basicHeader(credentials).slice('Basic '.length)];
}

const MAX_SECRETS = 200;

/** Adds a secret to those that no message may contain; the oldest are dropped. */
export function keepSecret(secrets: Set<string>, secret: string): void {
  secrets.delete(secret);
  secrets.add(secret);
  for (const oldest of secrets) {
    if (secrets.size <= MAX_SECRETS) break;
    secrets.delete(oldest);
  }
}

/** Asks the sources in order; the first with credentials that were not refused decides. */
export function firstOf(...sources: CredentialSource[]): CredentialSource {
  return async (host, repository, refused = null) => {
    for (const source of sources) {
      const found = await source(host, repository);
      if (found && !(refused && areSame(found, refused))) return found;
    }
    return null;
  };
}

/** GITHUB_TOKEN, for ghcr.io alone. */
export function githubCredentials(github: { username: string; password: string } | null): CredentialSource {
  return async (host) => (github && host === 'ghcr.io' ? { kind: 'basic', ...github } : null);
}

export interface DockerCredentialsOptions {
  /** Limit for a credential helper, in milliseconds; some ask a cloud. */
  helperTimeoutMs?: number;
  /** Variables that a helper gets besides the usual ones. */
  helperEnv?: readonly string[];
}

const HELPER_TIMEOUT_MS = 15_000;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Credentials of docker, podman and crane: DOCKER_AUTH_CONFIG, Docker's config.json, REGISTRY_AUTH_FILE, podman's two auth.json;
 * the first with an entry that can be used decides. All are read again each time, for logins change while a worker runs.
 */
export function dockerCredentials(
  env: Environment,
  { helperTimeoutMs: timeoutMs = HELPER_TIMEOUT_MS, helperEnv: passed = [] }: DockerCredentialsOptions = {},
): CredentialSource {
  const readFrom = async (read: () => Promise<DockerConfig | null>, host: string, repository: string) => {
    const config = await read();
    const helper = config && findHelper(config, host);
    const found =
      (helper && (await askHelper(helper, { host, env, passed, timeoutMs, file: config.file }))) ??
      (config && findEntry(config, host, repository));
    return found && readable(found, `${config?.file}: the login of ${host}`);
  };
  return async (host, repository) => {
    let fault: InvalidInput | undefined;
    for (const read of configs(env)) {
      try {
        const found = await readFrom(read, host, repository);
        if (found) return found;
      } catch (error) {
        // It counts only if no other source knows the host.
        if (!(error instanceof InvalidInput)) throw error;
        fault ??= error;
      }
    }
    if (fault) throw fault;
    return null;
  };
}

/** Whether one of them may have a login for the host. No helper is asked; what cannot be read may have one. */
export async function mayHaveLogin(env: Environment, host: string): Promise<boolean> {
  try {
    const all = await Promise.all(configs(env).map((read) => read()));
    return all.some((config) => config !== null && namesHost(config, host));
  } catch {
    return true;
  }
}

/** The credentials as they are sent, without what was pasted around them.
 * @throws {InvalidInput} naming the login, and nothing of it. */
function readable(found: Credentials, where: string): Credentials {
  try {
    if (found.kind === 'basic') return { ...found, password: parsePassword(found.password) };
    return { ...found, token: parseToken(found.token) };
  } catch (error) {
    throw new InvalidInput(`${where} ${(error as Error).message}`);
  }
}

function configs(env: Environment): (() => Promise<DockerConfig | null>)[] {
  const set = (name: string) => env[name]?.trim() || undefined;
  const inline = set('DOCKER_AUTH_CONFIG');
  const runtime = set('XDG_RUNTIME_DIR');
  const home = set('HOME') ?? homedir();
  const files = [
    join(set('DOCKER_CONFIG') ?? join(home, '.docker'), 'config.json'),
    set('REGISTRY_AUTH_FILE'),
    runtime && join(runtime, 'containers', 'auth.json'),
    join(set('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers', 'auth.json'),
  ];
  return [
    async () => (inline === undefined ? null : parseDockerConfig(inline, 'DOCKER_AUTH_CONFIG')),
    ...files.filter((file) => file !== undefined).map((file) => () => readConfig(file)),
  ];
}

/** Reads a configuration; null if the file is missing. An unreadable file is an error: its login would be missed silently. */
async function readConfig(file: string): Promise<DockerConfig | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new InvalidInput(`${file} cannot be read: ${code} (fix its permissions, or log in again)`);
  }
  return parseDockerConfig(text, file);
}
