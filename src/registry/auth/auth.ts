import type { AuthState, CredentialSource, Credentials, Grant, Registry } from '../context.js';
import type { Endpoint } from '../transport/endpoint.js';
import { RegistryError } from '../transport/errors.js';
import { Flights, unlessAborted } from '../transport/single-flight.js';
import { type Challenge, chooseChallenge, mergeScopes, parseScopes } from './challenge.js';
import { basicHeader } from './credentials.js';
import { requestToken } from './token.js';

export type Actions = 'pull' | 'pull,push';

/** What goes into one request's Authorization. */
export interface Authorization {
  /** Null: nothing to show. */
  header: string | null;
  /** Got for this very request: a refusal of it is final. */
  fresh: boolean;
  /** Whether credentials stand behind it. */
  known: boolean;
}

/** Credentials that need no token server are looked up again after this long; a helper may know new ones. */
const CREDENTIALS_MS = 5 * 60_000;
const MAX_SECRETS = 200;
export const NOBODY: Authorization = { header: null, fresh: false, known: false };

export function createAuthState(credentials: CredentialSource): AuthState {
  return {
    credentials,
    hosts: new Map(),
    scouts: new Map(),
    grants: new Map(),
    flights: new Flights(),
    extraScopes: new Map(),
    secrets: new Set(),
  };
}

/** Lets one request go first to a host that nothing is known of, so that two images cost one challenge. Gives what is to be called when its answer is there. */
export async function scout({ auth }: Registry, { host }: Endpoint, signal: AbortSignal): Promise<() => void> {
  const ahead = auth.scouts.get(host);
  if (auth.hosts.has(host)) return () => undefined;
  if (ahead) {
    // Once: behind a scout that found nothing out, all go at once.
    await unlessAborted(ahead, signal);
    return () => undefined;
  }
  let back = (): void => undefined;
  auth.scouts.set(host, new Promise((resolve) => (back = resolve)));
  return () => {
    auth.scouts.delete(host);
    back();
  };
}

/** What to show at the first try.
 * @throws {RegistryError} of the token server. */
export async function authorize(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  signal: AbortSignal,
): Promise<Authorization> {
  const { auth } = registry;
  if (!auth.hosts.get(endpoint.host)) return NOBODY;
  const grant = auth.grants.get(keyOf(endpoint, actions));
  if (grant && performance.now() < grant.expiresAt) return { ...grant, fresh: false };
  return { ...(await obtain(registry, endpoint, actions, signal)), fresh: true };
}

/** What to show after a 401; null when there is nothing better than what was `used`.
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
  // Somebody else may have got a better one while ours was under way.
  if (!more && grant && grant.header !== used.header && performance.now() < grant.expiresAt)
    return { ...grant, fresh: false };
  auth.grants.delete(key);
  const next = await obtain(registry, endpoint, actions, signal);
  return next.header === null || next.header === used.header ? null : { ...next, fresh: true };
}

/** Of the host as it was named: registries on two ports are two. */
const keyOf = ({ host, name }: Endpoint, actions: Actions) => `${host} ${name} ${actions}`;

/** The repository's own first: some token servers read no other. */
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
    // Nobody is asked for again: somebody may log in.
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
    `the registry token for ${host} has characters that no header takes: log in again`,
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
