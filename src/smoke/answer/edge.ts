/** What stands before a tenant (a CDN, a load balancer, a login) answers for it. One rule for the smoke, the watches and the build probe. */

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Where an answer redirects to. */
export interface Redirect {
  /** Address without its query. */
  to: string;
  /** Whether it leads to another origin. */
  isAway: boolean;
}

/** Redirect of an answer; null for any other answer. */
export function redirectOf(status: number, { location }: Headers, from: URL): Redirect | null {
  const given = [location ?? []].flat()[0];
  if (status < 300 || status > 399 || given === undefined || !URL.canParse(given, from.href)) return null;
  const target = new URL(given, from);
  return { to: `${target.origin}${target.pathname}`, isAway: target.origin !== from.origin };
}

/**
 * Statuses of a tenant, or of what stands before it, that is unavailable or limits requests: a retry may help. 520 to 527 and 530 are
 * Cloudflare's, for an origin that it cannot reach.
 */
export const isUnavailable = (status: number): boolean =>
  [408, 429, 502, 503, 504, 530].includes(status) || (status >= 520 && status <= 527);

/** Statuses of a proxy that wants a login of its own. */
const OF_PROXIES = [407, 511];
/** Headers that only what stands before a tenant adds, and only to an answer of its own. */
const OF_EDGES = [
  'cf-mitigated',
  'ngrok-error-code',
  'x-goog-iap-generated-response',
  'x-railway-fallback',
  'x-vercel-error',
];
/** Paths of logins on the tenant's own origin: oauth2-proxy, Cloudflare, Azure, authentik, traefik-forward-auth, Pomerium. */
const LOGINS = /^\/(?:oauth2\/|cdn-cgi\/|\.auth\/|outpost\.goauthentik\.io\/|_oauth(?:\/|$)|\.pomerium\/)/;

/** Whether an answer is marked as one of what stands before the tenant, whatever its status: it is no pass either. */
export const isMarkedAsEdge = (headers: Headers): boolean => OF_EDGES.some((name) => headers[name] !== undefined);

/** Whether an answer says nothing about the build, because it is not the tenant's. */
export function isOfEdge({
  status,
  headers,
  redirect,
}: {
  status: number;
  headers: Headers;
  redirect: Redirect | null;
}): boolean {
  if (isUnavailable(status) || OF_PROXIES.includes(status) || isMarkedAsEdge(headers)) return true;
  return redirect !== null && (redirect.isAway || LOGINS.test(new URL(redirect.to).pathname));
}
