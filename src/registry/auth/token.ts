import * as z from 'zod';
import { type HttpAnswer, NoAnswer, redacted, send } from '../../net/http.js';
import { parseJson } from '../../net/redact.js';
import type { Credentials, Registry } from '../context.js';
import { type Endpoint, requireReachable, targetOf } from '../transport/endpoint.js';
import { noAnswer, refusal } from '../transport/error-from-response.js';
import { RegistryError } from '../transport/errors.js';
import type { Challenge } from './challenge.js';
import { basicHeader } from './credentials.js';

const MAX_BODY = 64 * 1024;
const MAX_REDIRECTS = 10;
/** Longest token, in characters: registries refuse longer headers. */
const MAX_TOKEN = 16_384;
/** Life of a token whose server names none (distribution-spec, "Token Authentication"). */
const DEFAULT_TTL_S = 60;
/** How long before its end a token is renewed, in milliseconds; a short one at half its life. */
const EARLY_MS = 10_000;

/** Only the token counts, which is opaque: GHCR's is not a JWT. Token servers write the rest as null, as a number or as a text. */
const grant = z.looseObject({
  token: z.string().optional().catch(undefined),
  access_token: z.string().optional().catch(undefined),
  expires_in: z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number),
    ])
    .optional()
    .catch(undefined),
  issued_at: z.string().optional().catch(undefined),
});

/** Gets a token for the scopes from the token server of a challenge, in one attempt.
 * @returns `expiresAt` by `performance.now()`.
 * @throws {RegistryError} */
export async function requestToken(
  registry: Registry,
  endpoint: Endpoint,
  challenge: Challenge,
  credentials: Credentials | null,
  scopes: string[],
  signal: AbortSignal,
): Promise<{ token: string; expiresAt: number }> {
  const started = performance.now();
  const realm = realmOf(challenge, endpoint);
  requireReachable(realm, endpoint, registry.insecureHosts, 'a token');
  const given = { registry, endpoint, realm, service: challenge.params.service, scopes, signal };
  let answer: HttpAnswer | undefined;
  let from = realm;
  if (credentials?.kind === 'identity-token') {
    answer = await exchange(given, credentials.token);
    // Token servers older than OAuth2 do not support POST.
    if (answer.status === 404 || answer.status === 405) answer = undefined;
  }
  if (answer === undefined) ({ answer, from } = await get(given, credentials));
  if (answer.status !== 200)
    throw refusal(
      registry,
      { method: 'GET', url: realm, endpoint, hadCredentials: credentials !== null, for: 'token' },
      answer,
    );
  return read(answer, realm, from, started);
}

interface TokenRequest {
  registry: Registry;
  endpoint: Endpoint;
  realm: URL;
  service: string | undefined;
  scopes: string[];
  signal: AbortSignal;
}

function realmOf({ params }: Challenge, { host, origin }: Endpoint): URL {
  const realm = params.realm ?? '';
  if (URL.canParse(realm)) return targetOf(realm, new URL(origin), { origin });
  if (realm.startsWith('/') && URL.canParse(realm, origin)) return new URL(realm, origin);
  throw new RegistryError(
    'rejected',
    `${host} names an invalid token server ${JSON.stringify(realm.slice(0, 80).split('?')[0])}: expected a URL`,
  );
}

async function get(
  { registry, endpoint, realm, service, scopes, signal }: TokenRequest,
  credentials: Credentials | null,
): Promise<{ answer: HttpAnswer; from: URL }> {
  const first = new URL(realm);
  if (service !== undefined) first.searchParams.set('service', service);
  for (const scope of scopes) first.searchParams.append('scope', scope);
  const authorization = credentials && headerFor(credentials);
  let url = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const answer = await sendTo(registry, url, {
      method: 'GET',
      // Only to the origin that the challenge names: a redirect may lead anywhere.
      headers: authorization && url.origin === first.origin ? { authorization } : {},
      signal,
    });
    const location = answer.headers.location;
    if (answer.status < 300 || answer.status > 308 || typeof location !== 'string') return { answer, from: url };
    if (!URL.canParse(location, url.href)) return { answer, from: url };
    url = new URL(location, url);
    requireReachable(url, endpoint, registry.insecureHosts, 'a token');
    if (url.protocol === 'http:' && first.protocol === 'https:')
      throw new RegistryError('rejected', `${redacted(first)} redirects to plain http: refused`, {
        url: redacted(first),
      });
  }
  throw new RegistryError('rejected', `${redacted(first)}: more than ${MAX_REDIRECTS} redirects`, {
    url: redacted(first),
  });
}

function exchange(
  { registry, realm, service, scopes, signal }: TokenRequest,
  refreshToken: string,
): Promise<HttpAnswer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'canary-release-gate',
    refresh_token: refreshToken,
  });
  form.set('scope', scopes.join(' '));
  if (service !== undefined) form.set('service', service);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return sendTo(registry, realm, { method: 'POST', headers, body: form.toString(), signal });
}

function headerFor(credentials: Credentials): string {
  return credentials.kind === 'basic'
    ? basicHeader(credentials)
    : basicHeader({ username: '<token>', password: credentials.token });
}

async function sendTo(
  { pool, waits, network }: Registry,
  url: URL,
  given: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string; signal: AbortSignal },
): Promise<HttpAnswer> {
  try {
    return await send({
      ...given,
      url,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...given.headers },
      timeoutMs: waits.requestMs,
      silenceMs: waits.silenceMs,
      maxBytes: MAX_BODY,
      maxErrorBytes: MAX_BODY,
      network,
      dispatcher: pool,
    });
  } catch (error) {
    if (error instanceof NoAnswer) throw noAnswer({ method: given.method, url, maxBytes: MAX_BODY }, error);
    throw error;
  }
}

function read(answer: HttpAnswer, realm: URL, from: URL, started: number): { token: string; expiresAt: number } {
  const url = redacted(realm);
  const where =
    from.origin === realm.origin && from.pathname === realm.pathname ? url : `${url} (redirected to ${redacted(from)})`;
  const bad = (why: string) =>
    new RegistryError('rejected', `GET ${where}: ${why}`, { method: 'GET', url, status: 200 });
  const parsed = grant.safeParse(parseJson(answer.body));
  if (!parsed.success) throw bad('the answer is not a token (is that the token server?)');
  const token = parsed.data.access_token || parsed.data.token;
  if (!token) throw bad('the answer has no token (is that the token server?)');
  if (token.length > MAX_TOKEN)
    throw bad(
      `the token is too long: ${token.length} characters, at most ${MAX_TOKEN} (do the credentials have too many scopes?)`,
    );
  if (!/^[\x21-\x7e]+$/.test(token)) throw bad('the token has characters that a header cannot carry');
  const ttlS = Math.max(0, parsed.data.expires_in ?? DEFAULT_TTL_S);
  const ttlMs = Math.max(0, ttlS * 1000 - ageMs(parsed.data.issued_at, ttlS * 1000));
  return { token, expiresAt: started + ttlMs - Math.min(EARLY_MS, ttlMs / 2) };
}

/** Age of a token that the server handed out before; 0 if its time is in the future or past its end, for a clock is wrong then. */
function ageMs(issuedAt: string | null | undefined, ttlMs: number): number {
  const age = Date.now() - Date.parse(issuedAt ?? '');
  return age > 0 && age < ttlMs ? age : 0;
}
