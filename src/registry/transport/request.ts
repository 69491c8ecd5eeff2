import type { Repository } from '../../contract/image.js';
import { type HttpAnswer, type HttpRequest, NoAnswer, redacted, send } from '../../net/http.js';
import { type Actions, ANONYMOUS, type Authorization, authorize, challengeProbe, reauthorize } from '../auth/auth.js';
import type { Registry } from '../context.js';
import { type Endpoint, endpointOf, requireReachable } from './endpoint.js';
import { noAnswer, refusal } from './error-from-response.js';
import { RegistryError } from './errors.js';
import { retrying } from './retry.js';

/** A manifest is at most 4 MiB (distribution-spec, "Pushing Manifests"). */
export const MAX_MANIFEST = 4 * 1024 * 1024;
/** Bytes read of an error's body. */
const MAX_ERROR = 64 * 1024;
const MAX_REDIRECTS = 5;
/** Sends of one request: anonymous, with a known token, with a new one. */
const MAX_SENDS = 3;

export interface RegistryRequest {
  method: HttpRequest['method'];
  repository: Repository;
  /** Below `/v2/<name>/`, or a whole URL of the registry's own origin. */
  path: string | URL;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** What the token must allow. */
  actions: Actions;
  /** Called right before bytes go out. */
  beforeSend?: () => void;
}

export interface RegistryAnswer extends HttpAnswer {
  /** URL of the request; a Location is relative to it. */
  url: URL;
}

/** Sends a request that may be repeated, up to three times.
 * @throws {RegistryError}; the signal's own reason when it is aborted. */
export function request(
  registry: Registry,
  given: RegistryRequest,
  signal: AbortSignal | undefined,
): Promise<RegistryAnswer> {
  const what = `${given.method} ${redacted(urlOf(registry, given).url)}`;
  return retrying(registry.waits, signal, what, (inner) => requestOnce(registry, given, inner));
}

/** Sends a request once, and again after a 401 if better credentials exist. Returns answers of status 2xx.
 * @throws {RegistryError} for any other. */
export async function requestOnce(
  registry: Registry,
  given: RegistryRequest,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const { endpoint, url } = urlOf(registry, given);
  const actions = registry.push ? 'pull,push' : given.actions;
  const endProbe = await challengeProbe(registry, endpoint, signal);
  try {
    let shown = await authorize(registry, endpoint, actions, signal);
    for (let sends = 1; ; sends++) {
      const got = await follow(registry, endpoint, url, given, shown, signal);
      const { answer, from } = got;
      const unauthorized = answer.status === 401 && from.origin === endpoint.origin;
      const { hosts, secrets } = registry.auth;
      // The answer of an overloaded host does not tell whether it requires authentication.
      if ((answer.status < 400 || answer.status === 404) && !hosts.has(endpoint.host)) hosts.set(endpoint.host, null);
      registry.warn(endpoint.host, answer.headers.warning, secrets);
      if (answer.status >= 200 && answer.status < 300) return { ...answer, url };
      const next =
        unauthorized && sends < MAX_SENDS
          ? await reauthorizeAndRelease(registry, endpoint, actions, shown, answer, endProbe, signal)
          : null;
      if (next === null) throw await explained(registry, endpoint, url, given, shown, got, signal);
      shown = next;
    }
  } finally {
    endProbe();
  }
}

/** Ends the probe as soon as the challenge is known: each waiting request gets its own token. */
async function reauthorizeAndRelease(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  shown: Authorization,
  answer: HttpAnswer,
  endProbe: () => void,
  signal: AbortSignal,
): Promise<Authorization | null> {
  const next = reauthorize(registry, endpoint, actions, shown, answer.headers['www-authenticate'], signal);
  endProbe();
  return next;
}

function urlOf(registry: Registry, { repository, path }: RegistryRequest): { endpoint: Endpoint; url: URL } {
  const endpoint = endpointOf(repository, registry.insecureHosts);
  return { endpoint, url: path instanceof URL ? path : new URL(`${endpoint.origin}/v2/${endpoint.name}/${path}`) };
}

interface Got {
  answer: HttpAnswer;
  /** Where it came from, after redirects. */
  from: URL;
}

/** Follows the redirects of a read; credentials go to the registry's origin alone. A write follows no redirect. */
async function follow(
  registry: Registry,
  endpoint: Endpoint,
  first: URL,
  request: RegistryRequest,
  shown: Authorization,
  signal: AbortSignal,
): Promise<Got> {
  let url = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const answer = await sendTo(registry, url, request, url.origin === endpoint.origin ? shown : ANONYMOUS, signal);
    const { location } = answer.headers;
    const mayFollow = request.method === 'GET' || request.method === 'HEAD';
    if (![301, 302, 303, 307, 308].includes(answer.status) || !mayFollow) return { answer, from: url };
    if (typeof location !== 'string' || !URL.canParse(location, url.href)) return { answer, from: url };
    url = new URL(location, url);
    requireReachable(url, endpoint, registry.insecureHosts, `${request.method} ${redacted(first)}`);
  }
  throw new RegistryError('rejected', `${request.method} ${redacted(first)}: more than ${MAX_REDIRECTS} redirects`, {
    method: request.method,
    url: redacted(first),
  });
}

async function sendTo(
  { pool, waits }: Registry,
  url: URL,
  { method, headers, body, beforeSend }: RegistryRequest,
  { header }: Authorization,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    return await send({
      method,
      url,
      headers: {
        'user-agent': 'canary-release-gate',
        // The body is hashed, so it must be the stored bytes.
        'accept-encoding': 'identity',
        ...headers,
        ...(header !== null && { authorization: header }),
      },
      ...(body && { body }),
      ...(beforeSend && { beforeSend }),
      timeoutMs: waits.requestMs,
      silenceMs: waits.silenceMs,
      maxBytes: MAX_MANIFEST,
      maxErrorBytes: MAX_ERROR,
      signal,
      dispatcher: pool,
    });
  } catch (error) {
    if (error instanceof NoAnswer) throw noAnswer(method, url, error);
    throw error;
  }
}

/** Error for an answer. A HEAD has no body: the message is read by a GET, unless a 404 suffices. */
async function explained(
  registry: Registry,
  endpoint: Endpoint,
  url: URL,
  request: RegistryRequest,
  shown: Authorization,
  { answer, from }: Got,
  signal: AbortSignal,
): Promise<RegistryError> {
  const { method } = request;
  const failed = {
    method,
    url,
    endpoint,
    answeredBy: from,
    hadCredentials: shown.known,
  };
  const hasNoMessage = method === 'HEAD' && answer.status >= 400 && answer.status < 500 && answer.status !== 404;
  if (!hasNoMessage) return refusal(registry, failed, answer);
  const read = await follow(registry, endpoint, url, { ...request, method: 'GET' }, shown, signal).catch(() => null);
  signal.throwIfAborted();
  return refusal(registry, failed, read?.answer.status === answer.status ? read.answer : answer);
}
