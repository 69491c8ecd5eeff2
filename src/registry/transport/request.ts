import type { Repository } from '../../contract/image.js';
import { type HttpAnswer, type HttpRequest, NoAnswer, redacted, send } from '../../net/http.js';
import { type Actions, ANONYMOUS, type Authorization, authorize, challengeProbe, reauthorize } from '../auth/auth.js';
import { usableChallenges } from '../auth/challenge.js';
import type { Registry } from '../context.js';
import { type Endpoint, endpointOf, requireReachable, targetOf } from './endpoint.js';
import { noAnswer, refusal } from './error-from-response.js';
import { RegistryError, type RegistryErrorKind } from './errors.js';
import { findEndpoint } from './find-endpoint.js';
import { retrying } from './retry.js';

/** A manifest is at most 4 MiB (distribution-spec, "Pushing Manifests"). */
export const MAX_MANIFEST = 4 * 1024 * 1024;
/** Bytes read of an error's body. */
const MAX_ERROR = 64 * 1024;
const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Sends of one request: anonymous, with a known token, with a new one, by the other scheme. */
const MAX_SENDS = 4;

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
  /** URL that answered, after redirects. */
  from: URL;
}

/** Sends a request that may be repeated, up to three times, the last time on a connection of its own: a pooled one may be dead, or lead to the one server that fails.
 * @throws {RegistryError}; the signal's own reason when it is aborted. */
export function request(
  registry: Registry,
  given: RegistryRequest,
  signal: AbortSignal | undefined,
): Promise<RegistryAnswer> {
  const what = `${given.method} ${redacted(urlAt(endpointOf(given.repository, registry.insecureHosts), given))}`;
  const fresh = { ...registry, pool: registry.freshPool };
  return retrying(registry.waits, signal, what, (inner, isLast) =>
    requestOnce(isLast ? fresh : registry, given, inner),
  );
}

/** Sends a request once, and again if it is refused and better credentials exist. Returns answers of status 2xx.
 * @throws {RegistryError} for any other; {InvalidInput} why the login cannot be read, if the host refuses to do without. */
export async function requestOnce(
  registry: Registry,
  given: RegistryRequest,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const endpoint = await findEndpoint(registry, given.repository, signal);
  try {
    return await requestAt(registry, endpoint, given, signal);
  } catch (error) {
    // A registry may hide what it has: not even a 404 counts then.
    const fault = registry.auth.faults.get(`${endpoint.host} ${endpoint.name}`);
    throw fault && error instanceof RegistryError && REFUSALS.includes(error.kind) ? fault : error;
  }
}

async function requestAt(
  registry: Registry,
  endpoint: Endpoint,
  given: RegistryRequest,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const url = urlAt(endpoint, given);
  const endProbe = await challengeProbe(registry, endpoint, signal);
  try {
    let shown = await authorize(registry, endpoint, given.actions, signal);
    for (let sends = 1; ; sends++) {
      const got = await follow(registry, endpoint, url, given, shown, signal);
      const { answer, from } = got;
      const { hosts, secrets } = registry.auth;
      // The answer of an overloaded host does not tell whether it requires authentication.
      if ((answer.status < 400 || answer.status === 404) && !hosts.has(endpoint.host)) hosts.set(endpoint.host, null);
      registry.warn(endpoint.host, answer.headers.warning, secrets);
      if (answer.status >= 200 && answer.status < 300) return { ...answer, url, from };
      const error = refused(registry, endpoint, url, given, shown, got);
      // ECR answers 403 to a login that has expired.
      const isOutdated = error.status === 403 && error.kind === 'denied' && shown.header !== null && !shown.fresh;
      const isOwn = from.origin === endpoint.origin && sends < MAX_SENDS;
      const isHidden =
        isOwn && shown.header === null && (await requiresLogin(registry, endpoint, error, answer, signal));
      const mayHelp = isOwn && (error.status === 401 || isOutdated || isHidden);
      const next = mayHelp
        ? await reauthorizeAndRelease(registry, endpoint, given.actions, shown, answer, endProbe, signal)
        : null;
      if (!next?.header) throw refused(registry, endpoint, url, given, next ?? shown, got);
      shown = next;
    }
  } finally {
    endProbe();
  }
}

const REFUSALS: RegistryErrorKind[] = ['unauthorized', 'denied', 'not-found'];

/**
 * Whether `/v2/` names a challenge, where the refusal of a request without a login names none: a registry may hide what it has, or challenge
 * there alone, where docker and crane ask first. It is asked once.
 * @throws {RegistryError} if it does not tell: a 404 that hides a manifest must not count as a missing tag.
 */
async function requiresLogin(
  registry: Registry,
  endpoint: Endpoint,
  error: RegistryError,
  { headers }: HttpAnswer,
  signal: AbortSignal,
): Promise<boolean> {
  const { pinged, pings } = registry.auth;
  const { host } = endpoint;
  const isNamed = usableChallenges(headers['www-authenticate']).length > 0;
  if (isNamed || pinged.has(host) || !REFUSALS.includes(error.kind)) return false;
  return pings.join(host, signal, (flight) => ping(registry, endpoint, flight));
}

async function ping(registry: Registry, endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  const { hosts, pinged } = registry.auth;
  const url = new URL('/v2/', endpoint.origin);
  const answer = await sendTo(registry, endpoint, url, { method: 'GET' }, ANONYMOUS, signal);
  const failed = refusal(registry, { method: 'GET', url, endpoint }, answer);
  if (failed.kind === 'transient') throw failed;
  pinged.add(endpoint.host);
  const offered = answer.status === 401 ? usableChallenges(answer.headers['www-authenticate']) : [];
  if (offered.length > 0) hosts.set(endpoint.host, offered);
  return offered.length > 0;
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

const urlAt = ({ origin, name }: Endpoint, { path }: RegistryRequest): URL =>
  path instanceof URL ? path : new URL(`${origin}/v2/${name}/${path}`);

interface Got {
  answer: HttpAnswer;
  /** Where it came from, after redirects. */
  from: URL;
}

/** Follows the redirects of a read; credentials go to the registry's origin alone. A write follows those that keep its method, inside that origin. */
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
    const isOwn = url.origin === endpoint.origin;
    const answer = await sendTo(registry, endpoint, url, request, isOwn ? shown : ANONYMOUS, signal);
    const { location } = answer.headers;
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (!REDIRECTS.includes(answer.status)) return { answer, from: url };
    if (typeof location !== 'string' || !URL.canParse(location, url.href)) return { answer, from: url };
    const next = targetOf(location, url, endpoint);
    // Also of one that is not followed: why it is refused tells more than its status.
    requireReachable(next, endpoint, registry.insecureHosts, `${request.method} ${redacted(first)}`);
    if (!reads && !(next.origin === endpoint.origin && [307, 308].includes(answer.status)))
      return { answer, from: url };
    url = next;
  }
  throw new RegistryError('rejected', `${request.method} ${redacted(first)}: more than ${MAX_REDIRECTS} redirects`, {
    method: request.method,
    url: redacted(first),
  });
}

async function sendTo(
  { pool, waits, network, schemes, onAnswer }: Registry,
  { origin }: Endpoint,
  url: URL,
  { method, headers, body, beforeSend }: Pick<RegistryRequest, 'method' | 'headers' | 'body' | 'beforeSend'>,
  { header }: Authorization,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    const answer = await send({
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
      // A redirect may lead to a store, whose paths are not for reading.
      ...(url.origin === origin && url.pathname.startsWith('/v2/') && { tells: 'path' as const }),
      timeoutMs: waits.requestMs,
      silenceMs: waits.silenceMs,
      maxBytes: MAX_MANIFEST,
      maxErrorBytes: MAX_ERROR,
      signal,
      network,
      dispatcher: pool,
    });
    onAnswer(answer.status);
    // A server of TLS answers so to plain text.
    if (answer.status === 400 && url.protocol === 'http:') schemes.delete(url.host);
    return answer;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    onAnswer(null);
    // It may speak the other scheme when it is there again.
    schemes.delete(url.host);
    throw noAnswer({ method, url, maxBytes: MAX_MANIFEST }, error);
  }
}

/** Error for an answer. That of a HEAD has no message: a GET follows where it counts. */
function refused(
  registry: Registry,
  endpoint: Endpoint,
  url: URL,
  { method, body }: RegistryRequest,
  { known }: Authorization,
  { answer, from }: Got,
): RegistryError {
  const sent = { ...(body && { sentBytes: body.length }) };
  return refusal(registry, { method, url, endpoint, answeredBy: from, hadCredentials: known, ...sent }, answer);
}
