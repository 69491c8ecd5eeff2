import type { AuthState, CredentialSource, Credentials, Grant, Registry } from '../context.js';
import type { Endpoint } from '../transport/endpoint.js';
import { RegistryError } from '../transport/errors.js';
import { SingleFlight, unlessAborted } from '../transport/single-flight.js';
import { type Challenge, chooseChallenge, mergeScopes, parseScopes } from './challenge.js';
import { basicHeader } from './credentials.js';
import { requestToken } from './token.js';

export type Actions = 'pull' | 'pull,push';

/** Authorization of one request. */
export interface Authorization {
  /** Value of the header; null: none is sent. */
  header: string | null;
  /** Obtained for this request: its refusal is final. */
  fresh: boolean;
  /** Whether credentials stand behind it. */
  known: boolean;
}

/** Life of credentials that need no token server, in milliseconds; a helper may know new ones then. */
const CREDENTIALS_MS = 5 * 60_000;
const MAX_SECRETS = 200;
export const ANONYMOUS: Authorization = { header: null, fresh: false, known: false };

export function createAuthState(credentials: CredentialSource): AuthState {
  return {
    credentials,
    hosts: new Map(),
    challengeProbes: new Map(),
    grants: new Map(),
    flights: new SingleFlight(),
    extraScopes: new Map(),
    secrets: new Set(),
  };
}

/** Lets one request go first to a host whose challenge is unknown, so that two images cost one challenge. Returns what ends the probe, to be called when its answer has arrived. */
export async function challengeProbe({ auth }: Registry, { host }: Endpoint, signal: AbortSignal): Promise<() => void> {
  const ahead = auth.challengeProbes.get(host);
  if (auth.hosts.has(host)) return () => undefined;
  if (ahead) {
    // Once: after a probe without a result, all waiting requests go at once.
    await unlessAborted(ahead, signal);
    return () => undefined;
  }
  let end = (): void => undefined;
  auth.challengeProbes.set(host, new Promise((resolve) => (end = resolve)));
  return () => {
    auth.challengeProbes.delete(host);
    end();
  };
}

/** Authorization for the first attempt.
 * @throws {RegistryError} of the token server. */
export async function authorize(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  signal: AbortSignal,
): Promise<Authorization> {
  const { auth } = registry;
  if (!auth.hosts.get(endpoint.host)) return ANONYMOUS;
  const grant = auth.grants.get(keyOf(endpoint, actions));
  if (grant && performance.now() < grant.expiresAt) return { ...grant, fresh: false };
  return { ...(await obtain(registry, endpoint, actions, signal)), fresh: true };
}

/** Authorization after a 401; null if there is nothing better than what was `used`.
 * @throws {RegistryError} of the token server. */
export async function reauthorize(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  used: Authorization,
  challenges: string | string[] | undefined,
  signal: AbortSignal,
): Promise<Authorization | null> {
  const { auth } = registry;
  const challenge = chooseChallenge(challenges);
  if (!challenge) return null;
  auth.hosts.set(endpoint.host, challenge);
  const key = keyOf(endpoint, actions);
  const asked = scopesOf(auth, endpoint, actions);
  const wanted = mergeScopes([...asked, ...parseScopes(challenge.params.scope)]);
  const more = challenge.scheme === 'bearer' && wanted.join(' ') !== asked.join(' ');
  if (more) auth.extraScopes.set(key, wanted);
  if (used.fresh && !more) return null;
  const grant = auth.grants.get(key);
  // Another request may have obtained a better one meanwhile.
  if (!more && grant && grant.header !== used.header && performance.now() < grant.expiresAt)
    return { ...grant, fresh: false };
  auth.grants.delete(key);
  const next = await obtain(registry, endpoint, actions, signal);
  return next.header === null || next.header === used.header ? null : { ...next, fresh: true };
}

/** Key of a grant, by the host as named: registries on two ports are two. */
const keyOf = ({ host, name }: Endpoint, actions: Actions) => `${host} ${name} ${actions}`;

/** Scopes to request, the repository's own first: some token servers read only the first. */
function scopesOf(auth: AuthState, endpoint: Endpoint, actions: Actions): string[] {
  return mergeScopes([
    `repository:${endpoint.name}:${actions}`,
    ...(auth.extraScopes.get(keyOf(endpoint, actions)) ?? []),
  ]);
}

function obtain(registry: Registry, endpoint: Endpoint, actions: Actions, signal: AbortSignal): Promise<Grant> {
  const { auth } = registry;
  const key = keyOf(endpoint, actions);
  return auth.flights.join(key, signal, async (flight) => {
    const challenge = auth.hosts.get(endpoint.host);
    const credentials = await auth.credentials(endpoint.host, endpoint.name);
    for (const secret of secretsOf(credentials)) keepSecret(auth, secret);
    const grant =
      challenge?.scheme === 'bearer'
        ? await bearer(registry, endpoint, challenge, credentials, scopesOf(auth, endpoint, actions), flight)
        : basic(credentials);
    // An anonymous grant is not kept: a login may come at any time.
    if (grant.header !== null) auth.grants.set(key, grant);
    return grant;
  });
}

async function bearer(
  registry: Registry,
  endpoint: Endpoint,
  challenge: Challenge,
  credentials: Credentials | null,
  scopes: string[],
  signal: AbortSignal,
): Promise<Grant> {
  const known = credentials !== null;
  if (credentials?.kind === 'registry-token')
    return {
      header: `Bearer ${headerSafe(credentials.token, endpoint)}`,
      known,
      expiresAt: performance.now() + CREDENTIALS_MS,
    };
  const { token, expiresAt } = await requestToken(registry, endpoint, challenge, credentials, scopes, signal);
  keepSecret(registry.auth, token);
  return { header: `Bearer ${token}`, known, expiresAt };
}

function basic(credentials: Credentials | null): Grant {
  const header = credentials?.kind === 'basic' ? basicHeader(credentials) : null;
  return { header, known: credentials !== null, expiresAt: performance.now() + CREDENTIALS_MS };
}

function headerSafe(token: string, { host }: Endpoint): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new RegistryError(
    'unauthorized',
    `the registry token for ${host} has characters that a header cannot carry (log in again)`,
  );
}

function secretsOf(credentials: Credentials | null): string[] {
  if (!credentials) return [];
  if (credentials.kind !== 'basic') return [credentials.token];
  return [credentials.password, basicHeader(credentials).slice('Basic '.length)];
}

function keepSecret(auth: AuthState, secret: string): void {
  auth.secrets.delete(secret);
  auth.secrets.add(secret);
  for (const oldest of auth.secrets) {
    if (auth.secrets.size <= MAX_SECRETS) break;
    auth.secrets.delete(oldest);
  }
}
