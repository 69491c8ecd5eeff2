import type { PlannedTenant } from '../domain/release.js';

export interface Fleet {
  tenants: PlannedTenant[];
  /** Admin tokens by origin. */
  tokens: Map<string, string>;
  problems: string[];
}

/** Pairs URLs with tokens by position and names the tenants `canary-1`, `canary-2`, ... No token is in any problem. */
export function pairTenants(urls: string[], tokens: string[]): Fleet {
  const fleet: Fleet = { tenants: [], tokens: new Map(), problems: [] };
  if (urls.length !== tokens.length)
    fleet.problems.push(
      `CANARY_TENANT_URLS has ${urls.length} and CANARY_ADMIN_TOKENS ${tokens.length}: they are paired by position`,
    );
  urls.forEach((text, index) => {
    const name = `canary-${index + 1}`;
    const where = `CANARY_TENANT_URLS: the URL of ${name}`;
    const origin = parseOrigin(text);
    if (typeof origin !== 'string') fleet.problems.push(`${where} ${origin.problem}`);
    else if (fleet.tenants.some((tenant) => tenant.origin === origin))
      fleet.problems.push(`${where} is there twice: ${origin}`);
    else {
      fleet.tenants.push({ name, origin });
      fleet.tokens.set(origin, tokens[index] ?? '');
    }
  });
  return fleet;
}

/** The origin of a tenant's URL, or what is wrong with it. The URL itself is not repeated: it may hold a password. */
export function parseOrigin(text: string): string | { problem: string } {
  if (!URL.canParse(text)) return { problem: 'is none, e.g. https://canary-1.example.com' };
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { problem: `is ${url.protocol} and not https:` };
  if (url.username || url.password)
    return { problem: 'has a user or password: the token belongs in CANARY_ADMIN_TOKENS' };
  if (url.pathname !== '/' || url.search || url.hash)
    return { problem: 'has a path, query or fragment: write its origin only' };
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return { problem: `is plain http to ${url.hostname}: a token goes over https, or to this machine only` };
  return url.origin;
}

/** Whether a URL's hostname is this machine by its name or literal address; nothing is resolved. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
