import type { PlannedTenant } from '../contract/release.js';
import { isLoopback } from '../net/loopback.js';
import type { Access } from '../smoke/session.js';

/** The tenants, and what each is asked with, by its origin: that is never part of a plan. */
export interface Fleet {
  tenants: PlannedTenant[];
  access: ReadonlyMap<string, Access>;
}

/** A fleet and what is wrong with it. No token is in any problem. */
export interface FoundFleet extends Fleet {
  problems: string[];
}

/** Pairs URLs with tokens by position and names the tenants `canary-1`, `canary-2`, ... */
export function pairTenants(urls: string[], tokens: string[]): FoundFleet {
  const tenants: PlannedTenant[] = [];
  const access = new Map<string, Access>();
  const problems: string[] = [];
  if (urls.length !== tokens.length)
    problems.push(
      `URLS(${urls.length}) and TOKENS(${tokens.length}) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position`,
    );
  urls.forEach((text, index) => {
    const name = `canary-${index + 1}`;
    const where = `CANARY_TENANT_URLS: the URL of ${name}`;
    const token = tokens[index] ?? '';
    const origin = parseOrigin(text, 'the token belongs in CANARY_ADMIN_TOKENS');
    if (typeof origin !== 'string') problems.push(`${where} ${origin.problem}`);
    else if (access.has(origin)) problems.push(`${where} is there twice: ${origin}`);
    else {
      if (!isHeaderText(token)) problems.push(`CANARY_ADMIN_TOKENS: the token of ${name} ${NO_HEADER_TEXT}`);
      tenants.push({ name, origin });
      access.set(origin, { token, headers: {} });
    }
  });
  return { tenants, access, problems };
}

/** The origin of a tenant's URL, or what is wrong with it. The URL itself is not repeated: it may hold a password. */
export function parseOrigin(text: string, mend: string): string | { problem: string } {
  if (!URL.canParse(text)) return { problem: 'is none, e.g. https://canary-1.example.com' };
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { problem: `is ${url.protocol} and not https:` };
  if (url.username || url.password) return { problem: `has a user or password: ${mend}` };
  if (url.pathname !== '/' || url.search || url.hash)
    return { problem: 'has a path, query or fragment: write its origin only' };
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return { problem: `is plain http to ${url.hostname}: a token goes over https, or to this machine only` };
  return url.origin;
}

/** Whether a header can carry it: visible ASCII, no line breaks. */
export const isHeaderText = (text: string) => /^[\x20-\x7e]*$/.test(text);
export const NO_HEADER_TEXT = 'has characters that no header carries: line breaks, or letters beyond ASCII';
