import type { ConnectionOptions } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import { type ProxyServer, proxyRule } from '../../net/proxy.js';

type Env = Readonly<Record<string, string | undefined>>;

/** The proxy to Temporal by the rules for https, whether with TLS or without: gRPC goes by CONNECT in any case, as with Temporal's own command line.
 * @throws {InvalidInput} */
export function proxyTo(env: Env, address: string): ProxyServer | null {
  const url = `https://${address}`;
  const proxy = URL.canParse(url) ? proxyRule(env)(new URL(url)) : null;
  if (proxy?.url.protocol === 'https:')
    throw new InvalidInput(
      `${proxy.by}: Temporal is reached by a proxy of scheme http only (fix: one of http, or ${new URL(url).hostname} in NO_PROXY)`,
    );
  return proxy;
}

const hostAndPort = ({ hostname, port }: URL) => `${hostname}:${port || 80}`;

/** User and password of a proxy. */
const loginOf = ({ authorization }: ProxyServer) =>
  authorization === null ? null : Buffer.from(authorization.slice('Basic '.length), 'base64').toString();

/**
 * Options of the client's connection. gRPC for Node reads the environment by rules of its own, of small letters alone: they are switched
 * off, and what they would set is set here.
 */
export function clientProxy(
  proxy: ProxyServer | null,
  address: string,
): Pick<ConnectionOptions, 'address' | 'channelArgs'> {
  if (proxy === null) return { channelArgs: { 'grpc.enable_http_proxy': 0 } };
  const login = loginOf(proxy);
  return {
    address: hostAndPort(proxy.url),
    channelArgs: {
      'grpc.enable_http_proxy': 0,
      'grpc.http_connect_target': `dns:${address}`,
      'grpc.default_authority': address,
      ...(login !== null && { 'grpc.http_connect_creds': login }),
    },
  };
}

/** Options of a worker's connection, which reads no environment. */
export function workerProxy(proxy: ProxyServer | null) {
  if (proxy === null) return {};
  const [username = '', password = ''] = /^([^:]*):(.*)$/s.exec(loginOf(proxy) ?? '')?.slice(1) ?? [];
  const basicAuth = proxy.authorization === null ? {} : { basicAuth: { username, password } };
  return { proxy: { type: 'http-connect' as const, targetHost: hostAndPort(proxy.url), ...basicAuth } };
}
