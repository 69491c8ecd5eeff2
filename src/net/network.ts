import { type ProxyRule, type ProxyServer, proxyRule } from './proxy.js';
import { type Authorities, createTlsOptions, readAuthorities, type TlsMaterial, type TlsOptions } from './trust.js';

type Env = Readonly<Record<string, string | undefined>>;

/** How a process reaches other hosts: by the proxies and authorities of its environment. */
export interface Network {
  readonly proxyFor: ProxyRule;
  /** Logins of the proxies, which no message may contain, even if one sends them back. */
  readonly secrets: readonly string[];
  /** Whether the environment names any proxy. */
  readonly hasProxies: boolean;
  /** Read when they are first needed, once in the life of a process. */
  readonly authorities: () => Authorities;
  readonly tlsOptions: (material: TlsMaterial | null) => TlsOptions;
}

/** Destinations that no proxy is left out for but by `NO_PROXY=*`. */
const ANY = ['https://a.invalid', 'http://a.invalid'].map((url) => new URL(url));

/** The password of a proxy, and its login as it is sent. */
function loginsOf(proxy: ProxyServer | null): string[] {
  const sent = proxy?.authorization?.slice('Basic '.length);
  if (!sent) return [];
  const login = Buffer.from(sent, 'base64').toString();
  return [sent, login.slice(login.indexOf(':') + 1)].filter((secret) => secret !== '');
}

/** @throws {InvalidInput} on an address that is not a proxy's. */
export function networkOf(env: Env): Network {
  let read: Authorities | null = null;
  const authorities = () => (read ??= readAuthorities(env));
  const names = ['HTTPS_PROXY', 'HTTP_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  const proxyFor = proxyRule(env);
  return {
    proxyFor,
    secrets: ANY.flatMap((url) => loginsOf(proxyFor(url))),
    hasProxies: names.some((name) => env[name]?.trim()),
    authorities,
    tlsOptions: createTlsOptions(authorities),
  };
}

/** The same with a proxy of its own, or none, for every destination. */
export const withProxy = (network: Network, proxy: ProxyServer | null): Network => ({
  ...network,
  proxyFor: () => proxy,
  secrets: loginsOf(proxy),
});

/** For destinations on this machine: no proxy, and Node's own authorities. */
export const DIRECT: Network = networkOf({});
