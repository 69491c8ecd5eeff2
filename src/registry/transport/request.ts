import type { Repository } from '../../contract/image.js';
import { type HttpAnswer, type HttpRequest, NoAnswer, redacted, send } from '../../net/http.js';
import { type Actions, type Authorization, authorize, NOBODY, reauthorize, scout } from '../auth/auth.js';
import type { Registry } from '../context.js';
import { type Endpoint, endpointOf, requireReachable } from './endpoint.js';
import { noAnswer, refusal } from './error-from-response.js';
import { RegistryError } from './errors.js';
import { retrying } from './retry.js';

/** A manifest is at most 4 MiB (distribution-spec, "Pushing Manifests"). */
export const MAX_MANIFEST = 4 * 1024 * 1024;
/** Of an error no more is read. */
const MAX_ERROR = 64 * 1024;
const MAX_REDIRECTS = 5;
/** With nothing, with a token that we had, with one that is new. */
const MAX_SENDS = 3;

export interface RegistryRequest {
  method: HttpRequest['method'];
  repository: Repository;
  /** Below `/v2/<name>/`, or a whole URL of the registry's own origin. */
  path: string | URL;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** What the token has to allow. */
  actions: Actions;
  beforeSend?: () => void;
}

export interface RegistryAnswer extends HttpAnswer {
  /** Where it was asked; a Location or Link is relative to it. */
  url: URL;
}

/** Asks what may be asked again, up to three times.
 * @throws {RegistryError}; the signal's own reason when it is aborted. */
export function ask(
  registry: Registry,
  request: RegistryRequest,
  signal: AbortSignal | undefined,
): Promise<RegistryAnswer> {
  const what = `${request.method} ${redacted(urlOf(registry, request).url)}`;
  return retrying(registry.waits, signal, what, (inner) => askOnce(registry, request, inner));
}

/** Sends one request, again after a 401 when there is more to show, and gives back its answer when it is one of success.
 * @throws {RegistryError} */
export async function askOnce(
  registry: Registry,
  request: RegistryRequest,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const { endpoint, url } = urlOf(registry, request);
  const actions = registry.push ? 'pull,push' : request.actions;
  const back = await scout(registry, endpoint, signal);
  try {
    let shown = await authorize(registry, endpoint, actions, signal);
    for (let sends = 1; ; sends++) {
      const got = await follow(registry, endpoint, url, request, shown, signal);
      const { answer, from } = got;
      const unauthorized = answer.status === 401 && from.origin === endpoint.origin;
      const { hosts, secrets } = registry.auth;
      // What is overloaded or down says nothing of who may come in.
      if ((answer.status < 400 || answer.status === 404) && !hosts.has(endpoint.host)) hosts.set(endpoint.host, null);
      registry.warned(endpoint.host, answer.headers.warning, secrets);
      if (answer.status >= 200 && answer.status < 300) return { ...answer, url };
      const next =
        unauthorized && sends < MAX_SENDS
          ? await reauthorizeAndRelease(registry, endpoint, actions, shown, answer, back, signal)
          : null;
      if (next === null) throw await explained(registry, endpoint, url, request, shown, got, signal);
      shown = next;
    }
  } finally {
    back();
  }
}

/** The others may go as soon as the challenge is known: each has its own token to get. */
async function reauthorizeAndRelease(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  shown: Authorization,
  answer: HttpAnswer,
  back: () => void,
  signal: AbortSignal,
): Promise<Authorization | null> {
  const next = reauthorize(registry, endpoint, actions, shown, answer.headers['www-authenticate'], signal);
  back();
  return next;
}

function urlOf(registry: Registry, { repository, path }: RegistryRequest): { endpoint: Endpoint; url: URL } {
  const endpoint = endpointOf(repository, registry.insecureHosts);
  return { endpoint, url: path instanceof URL ? path : new URL(`${endpoint.origin}/v2/${endpoint.name}/${path}`) };
}

interface Got {
  answer: HttpAnswer;
  /** Whose it is, when the registry sent us on. */
  from: URL;
}

/** Goes where the registry sends a read, and shows who we are to the registry alone. A write goes nowhere else. */
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
    const answer = await sendTo(registry, url, request, url.origin === endpoint.origin ? shown : NOBODY, signal);
    const { location } = answer.headers;
    const mayFollow = request.method === 'GET' || request.method === 'HEAD';
    if (![301, 302, 303, 307, 308].includes(answer.status) || !mayFollow) return { answer, from: url };
    if (typeof location !== 'string' || !URL.canParse(location, url.href)) return { answer, from: url };
    url = new URL(location, url);
    requireReachable(url, endpoint, registry.insecureHosts, `${request.method} ${redacted(first)}`);
  }
  throw new RegistryError('rejected', `${request.method} ${redacted(first)}: sent on ${MAX_REDIRECTS} times and more`, {
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
        // What comes is hashed, so it has to be what is stored.
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

/** The error for an answer. A HEAD has no words: they are asked for by a GET, unless a 404 says it all. */
async function explained(
  registry: Registry,
  endpoint: Endpoint,
  url: URL,
  request: RegistryRequest,
  shown: Authorization,
  { answer, from }: Got,
  signal: AbortSignal,
): Promise<RegistryError> {
  const { method, headers } = request;
  const failed = {
    method,
    url,
    endpoint,
    answeredBy: from,
    hadCredentials: shown.known,
    conditional: headers?.['if-match'] !== undefined,
  };
  const wordless = method === 'HEAD' && answer.status >= 400 && answer.status < 500 && answer.status !== 404;
  if (!wordless) return refusal(registry, failed, answer);
  const told = await follow(registry, endpoint, url, { ...request, method: 'GET' }, shown, signal).catch(() => null);
  signal.throwIfAborted();
  return refusal(registry, failed, told?.answer.status === answer.status ? told.answer : answer);
}
