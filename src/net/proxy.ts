import { BlockList, isIP } from 'node:net';
import { InvalidInput } from '../contract/brand.js';
import { isLoopback } from './loopback.js';

type Env = Readonly<Record<string, string | undefined>>;

/** A proxy that a destination is reached through. */
export interface ProxyServer {
  /** Its address; never with credentials. */
  url: URL;
  /** What names it: `HTTPS_PROXY`, `HTTP_PROXY`, or the setting of a tenant. */
  by: string;
  /** Value of `Proxy-Authorization`; null: none. */
  authorization: string | null;
}

/** Which proxy a destination is reached through; null: none. */
export type ProxyRule = (destination: URL) => ProxyServer | null;

/** For people: `proxy.example.com:3128 (HTTPS_PROXY)`. */
export const shownProxy = ({ url, by }: ProxyServer): string => `proxy ${url.host} (${by})`;

/**
 * The proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` by the rules of Go, so by those of docker and crane: the name in capital
 * letters counts first, each scheme has its own proxy, and this machine is reached directly. No name is resolved. An address that is not a
 * proxy's is refused where it would be used: `InvalidInput`, naming the variable and nothing of its value, which may have a password.
 */
export function proxyRule(env: Env): ProxyRule {
  const isExcluded = exclusions(read(env, 'NO_PROXY').value ?? '');
  return (destination) => {
    const { protocol, hostname } = destination;
    const name = protocol === 'https:' ? 'HTTPS_PROXY' : protocol === 'http:' ? 'HTTP_PROXY' : null;
    return name === null || isLoopback(hostname) || isExcluded(destination) ? null : proxyOf(env, name);
  };
}

function read(env: Env, name: string): { variable: string; value: string | undefined } {
  const variable = env[name]?.trim() ? name : name.toLowerCase();
  return { variable, value: env[variable]?.trim() || undefined };
}

function proxyOf(env: Env, name: string): ProxyServer | null {
  const { variable, value } = read(env, name);
  return value === undefined ? null : parseProxy(value, variable);
}

/** Reads the address of a proxy: `http://proxy:3128`, also without its scheme, also with user and password.
 * @param by what names it. @throws {InvalidInput} which does not repeat it. */
export function parseProxy(text: string, by: string): ProxyServer {
  const address = text.includes('://') ? text : `http://${text}`;
  // A URL is read without the line breaks in it.
  if (!URL.canParse(address) || !/^[\x21-\x7e]{1,2000}$/.test(address))
    throw new InvalidInput(`${by}: expected the address of a proxy, e.g. http://proxy:3128`);
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new InvalidInput(
      `${by}: proxies of scheme ${url.protocol.slice(0, -1)} are not supported: expected http or https`,
    );
  const [user, password] = [url.username, url.password].map(decoded);
  url.username = '';
  url.password = '';
  const authorization = user ? `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` : null;
  return { url: new URL(url.origin), by, authorization };
}

/** A part of an address without its escapes; as it is, if a percent sign in it begins no escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What `NO_PROXY` excludes: `*`, names with all below them, `.suffix` and `*.suffix`, addresses and their networks (CIDR); each name and address with a port or without. */
function exclusions(list: string): (destination: URL) => boolean {
  const tests = list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => exclusion(entry.toLowerCase()));
  return ({ hostname, port, protocol }) => {
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    const at = port || (protocol === 'https:' ? '443' : '80');
    return tests.some((test) => test(host, at));
  };
}

function exclusion(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true;
  const [, net = '', prefix] = /^\[?([0-9a-f.:]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  if (prefix !== undefined && isIP(net) !== 0 && Number(prefix) <= (isIP(net) === 4 ? 32 : 128)) {
    const subnet = new BlockList();
    subnet.addSubnet(net, Number(prefix), familyOf(net));
    return (host) => isIP(host) !== 0 && subnet.check(host, familyOf(host));
  }
  // A bare IPv6 address has colons, and no port.
  const [, name = entry, port] = isIP(entry) === 6 ? [] : (/^(.+?)(?::(\d{1,5}))?$/.exec(entry) ?? []);
  const plain = asInUrls(name.replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, ''));
  const suffix = plain.startsWith('.') ? plain : `.${plain}`;
  return (host, at) =>
    (port === undefined || port === at) && (host === plain || (isIP(host) === 0 && host.endsWith(suffix)));
}

/** An address or a name in the form that `URL` gives the hosts it is compared with: `fd00:0::7`, `bücher.example`. */
function asInUrls(name: string): string {
  const dot = name.startsWith('.') ? '.' : '';
  const url = `http://${isIP(name) === 6 ? `[${name}]` : name.slice(dot.length)}`;
  return URL.canParse(url) ? dot + new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '') : name;
}

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
