import { InvalidInput } from '../../contract/brand.js';
import { unlessAborted } from '../../net/deadline.js';
import type { AuthState, CredentialSource, Credentials, Grant, Registry } from '../context.js';
import type { Endpoint } from '../transport/endpoint.js';
import { RegistryError } from '../transport/errors.js';
import { SingleFlight } from '../transport/single-flight.js';
import { type Challenge, mergeScopes, parseScopes, usableChallenges } from './challenge.js';
import { areSame, basicHeader, keepSecret, secretsOf } from './credentials.js';
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
  scheme: string | null;
  /** Schemes that the registry refused in this request. */
  spent: readonly string[];
}

/** Life of credentials that need no token server, in milliseconds; a helper may know new ones then. */
const CREDENTIALS_MS = 5 * 60_000;
export const ANONYMOUS: Authorization = { header: null, scheme: null, fresh: false, known: false, spent: [] };

export function createAuthState(
  credentials: CredentialSource,
  mayHaveLogin: AuthState['mayHaveLogin'] = async () => true,
): AuthState {
  const answers = new Map<string, Promise<boolean>>();
  return {
    credentials,
    // Asked once for each host: only the first requests to it depend on the answer.
    mayHaveLogin(host) {
      const answer = answers.get(host) ?? mayHaveLogin(host);
      answers.set(host, answer);
      return answer;
    },
    hosts: new Map(),
    pinged: new Set(),
    pings: new SingleFlight(),
    challengeProbes: new Map(),
    grants: new Map(),
    flights: new SingleFlight(),
    extraScopes: new Map(),
    readOnly: new Set(),
    faults: new Map(),
    secrets: new Set(),
  };
}

/** Lets one request go first to a host whose challenge is unknown, if a login may answer it, so that two images cost one challenge. Returns what ends the probe, to be called when its answer has arrived. */
export async function challengeProbe({ auth }: Registry, { host }: Endpoint, signal: AbortSignal): Promise<() => void> {
  if (auth.hosts.has(host) || !(await auth.mayHaveLogin(host)) || auth.hosts.has(host)) return () => undefined;
  const ahead = auth.challengeProbes.get(host);
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
 * @param least what the request needs; the token of a client that will write allows both, unless the token server refuses that.
 * @throws {RegistryError} of the token server. */
export async function authorize(
  registry: Registry,
  endpoint: Endpoint,
  least: Actions,
  signal: AbortSignal,
): Promise<Authorization> {
  if (!registry.auth.hosts.get(endpoint.host)) return ANONYMOUS;
  return grantFor(registry, endpoint, least, [], signal);
}

/** Authorization after a refusal; null, or one without a header, if there is nothing better than what was `used`.
 * @throws {RegistryError} of the token server. */
export async function reauthorize(
  registry: Registry,
  endpoint: Endpoint,
  least: Actions,
  used: Authorization,
  challenges: string | string[] | undefined,
  signal: AbortSignal,
): Promise<Authorization | null> {
  const { auth } = registry;
  const { host } = endpoint;
  const offered = usableChallenges(challenges);
  if (offered.length > 0) auth.hosts.set(host, offered);
  // Proxies strip challenges; the login that is on file may do.
  else if (!auth.hosts.get(host)) auth.hosts.set(host, [UNCHALLENGED]);
  const actions = actionsFor(registry, endpoint, least);
  const key = keyOf(endpoint, actions);
  const asked = scopesOf(auth, endpoint, actions);
  const required = offered.find(({ scheme }) => scheme === 'bearer')?.params.scope;
  const wanted = mergeScopes([...asked, ...parseScopes(required)]);
  const more = required !== undefined && wanted.join(' ') !== asked.join(' ');
  if (more) auth.extraScopes.set(key, wanted);
  // What was obtained for this request and refused gets no better: another scheme may do.
  const spent = used.fresh && used.scheme !== null && !more ? [...used.spent, used.scheme] : used.spent;
  if ((auth.hosts.get(host) ?? []).every(({ scheme }) => spent.includes(scheme))) return null;
  const grant = auth.grants.get(key);
  // Another request may have obtained a better one meanwhile.
  const isBetter = grant && grant.header !== used.header && performance.now() < grant.expiresAt;
  if (!more && isBetter && spent.length === 0) return { ...grant, fresh: false, spent };
  auth.grants.delete(key);
  const next = await grantFor(registry, endpoint, least, spent, signal);
  return next.header !== null && next.header === used.header ? null : next;
}

/** A login on file, where a host names no scheme. */
const UNCHALLENGED: Challenge = { scheme: 'basic', params: {} };

/** Key of a grant, by the host as named: registries on two ports are two. */
const keyOf = ({ host, name }: Endpoint, actions: Actions) => `${host} ${name} ${actions}`;

/** Scopes to request, the repository's own first: some token servers read only the first. */
function scopesOf(auth: AuthState, endpoint: Endpoint, actions: Actions): string[] {
  return mergeScopes([
    `repository:${endpoint.name}:${actions}`,
    ...(auth.extraScopes.get(keyOf(endpoint, actions)) ?? []),
  ]);
}

function actionsFor({ push, auth }: Registry, endpoint: Endpoint, least: Actions): Actions {
  return push && !auth.readOnly.has(`${endpoint.host} ${endpoint.name}`) ? 'pull,push' : least;
}

/** The grant at hand, else a new one; with the right to read alone if the token server refuses both. */
async function grantFor(
  registry: Registry,
  endpoint: Endpoint,
  least: Actions,
  spent: readonly string[],
  signal: AbortSignal,
): Promise<Authorization> {
  const { auth } = registry;
  const actions = actionsFor(registry, endpoint, least);
  const grant = auth.grants.get(keyOf(endpoint, actions));
  if (grant && performance.now() < grant.expiresAt && !spent.includes(grant.scheme ?? ''))
    return { ...grant, fresh: false, spent };
  try {
    return { ...(await obtain(registry, endpoint, actions, spent, signal)), fresh: true, spent };
  } catch (error) {
    if (actions === least || !isRefusal(error)) throw error;
  }
  const reading = await obtain(registry, endpoint, least, spent, signal);
  auth.readOnly.add(`${endpoint.host} ${endpoint.name}`);
  return { ...reading, fresh: true, spent };
}

const isRefusal = (error: unknown) =>
  error instanceof RegistryError && (error.kind === 'unauthorized' || error.kind === 'denied');

function obtain(
  registry: Registry,
  endpoint: Endpoint,
  actions: Actions,
  spent: readonly string[],
  signal: AbortSignal,
): Promise<Grant> {
  const { auth } = registry;
  const key = keyOf(endpoint, actions);
  return auth.flights.join(`${key} ${spent.join()}`, signal, async (flight) => {
    const challenges = (auth.hosts.get(endpoint.host) ?? []).filter(({ scheme }) => !spent.includes(scheme));
    const scopes = scopesOf(auth, endpoint, actions);
    const grantTo = (credentials: Credentials | null) =>
      firstGrant(registry, endpoint, challenges, credentials, scopes, flight);
    const credentials = await credentialsFor(auth, endpoint, null);
    const grant = await grantTo(credentials).catch(async (error: unknown) => {
      // GITHUB_TOKEN may be of another owner; a login on file may do.
      const other = credentials && isRefusal(error) ? await credentialsFor(auth, endpoint, credentials) : null;
      if (!other) throw error;
      return grantTo(other);
    });
    // An anonymous grant is not kept: a login may come at any time.
    if (grant.header !== null) auth.grants.set(key, grant);
    return grant;
  });
}

/** Credentials for a repository, other ones than those that were refused. A source that cannot be read stops no host that needs none. */
async function credentialsFor(
  auth: AuthState,
  { host, name }: Endpoint,
  refused: Credentials | null,
): Promise<Credentials | null> {
  try {
    const found = await auth.credentials(host, name, refused);
    if (found && refused && areSame(found, refused)) return null;
    for (const secret of secretsOf(found)) keepSecret(auth.secrets, secret);
    auth.faults.delete(`${host} ${name}`);
    return found;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    if (refused === null) auth.faults.set(`${host} ${name}`, error);
    return null;
  }
}

/** The grant of the first challenge that gives one: Basic answers where the token server refuses.
 * @throws {RegistryError} of the token server. */
async function firstGrant(
  registry: Registry,
  endpoint: Endpoint,
  challenges: Challenge[],
  credentials: Credentials | null,
  scopes: string[],
  signal: AbortSignal,
): Promise<Grant> {
  const known = credentials !== null;
  const expiresAt = performance.now() + CREDENTIALS_MS;
  if (credentials?.kind === 'registry-token')
    return { header: `Bearer ${headerSafe(credentials.token, endpoint)}`, scheme: 'bearer', known, expiresAt };
  let refused: unknown;
  for (const challenge of challenges) {
    if (challenge.scheme === 'basic' && credentials?.kind === 'basic')
      return { header: basicHeader(credentials), scheme: 'basic', known, expiresAt };
    if (challenge.scheme !== 'bearer') continue;
    try {
      const got = await requestToken(registry, endpoint, challenge, credentials, scopes, signal);
      keepSecret(registry.auth.secrets, got.token);
      return { header: `Bearer ${got.token}`, scheme: 'bearer', known, expiresAt: got.expiresAt };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused ??= error;
    }
  }
  if (refused) throw refused;
  return { header: null, scheme: null, known, expiresAt };
}

function headerSafe(token: string, { host }: Endpoint): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new RegistryError(
    'unauthorized',
    `the registry token for ${host} has characters that a header cannot carry (log in again)`,
  );
}
