import { type Repository, splitRepository } from '../domain/image.js';
import { type HttpAnswer, type HttpRequest, NoAnswer, redacted, send } from '../http.js';
import { isLoopback } from '../tenants/fleet.js';
import { kindOf, RegistryError } from './errors.js';

/** One try of one request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A manifest is at most 4 MiB (distribution-spec, "Pushing Manifests"). */
export const MAX_MANIFEST = 4 * 1024 * 1024;

export interface Credentials {
  username: string;
  password: string;
}

/** Registries of the OCI distribution API, and who we are to each host. */
export interface Registry {
  credentialsFor(host: string): Credentials | null;
}

export interface RegistryRequest {
  method: HttpRequest['method'];
  repository: Repository;
  /** Below `/v2/<name>/`. */
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  signal?: AbortSignal | undefined;
}

/** Sends one request to the repository's registry and gives back its answer when it is one of success.
 * @throws {RegistryError} */
export async function ask(registry: Registry, given: RegistryRequest): Promise<HttpAnswer> {
  const { host, name } = splitRepository(given.repository);
  const scheme = isLoopback(new URL(`https://${host}`).hostname) ? 'http' : 'https';
  const url = new URL(`${scheme}://${host}/v2/${name}/${given.path}`);
  const credentials = registry.credentialsFor(host);
  const where = `${given.method} ${redacted(url)}`;
  try {
    const answer = await send({
      method: given.method,
      url,
      headers: { ...given.headers, ...(credentials && { authorization: basic(credentials) }) },
      ...(given.body && { body: given.body }),
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_MANIFEST,
      ...(given.signal && { signal: given.signal }),
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new RegistryError(kindOf(answer.status), `${where}: status ${answer.status}: ${serverWords(answer)}`);
  } catch (error) {
    if (error instanceof NoAnswer) throw new RegistryError('transient', `${where}: ${error.code}`, { cause: error });
    throw error;
  }
}

const basic = ({ username, password }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

function serverWords(answer: HttpAnswer): string {
  return answer.body.subarray(0, 200).toString('utf8').replace(/\s+/g, ' ').trim() || 'no words';
}
