import { BlockList, isIP } from 'node:net';
import { type Repository, splitRepository } from '../../contract/image.js';
import { isLoopback, isProtected } from '../../net/loopback.js';
import { RegistryError } from './errors.js';

/** Address of a repository. */
export interface Endpoint {
  /** Origin of the API: `https://ghcr.io`. */
  origin: string;
  /** Host under which credentials are stored: `ghcr.io`, with the port if the name has one. */
  host: string;
  /** Name inside the registry: `molecule-ai/platform`. */
  name: string;
}

/** Address of a repository; by http for this machine and for insecure hosts, unless they are found to speak https (`findEndpoint`). Docker Hub's names become those of its API. */
export function endpointOf(repository: Repository, insecureHosts: readonly string[]): Endpoint {
  const given = splitRepository(repository);
  const hub = given.host === 'docker.io' || given.host === 'index.docker.io';
  const host = hub ? 'index.docker.io' : given.host;
  const name = hub && !given.name.includes('/') ? `library/${given.name}` : given.name;
  const plain = isLoopback(new URL(`https://${host}`).hostname) || insecureHosts.includes(host);
  return { origin: new URL(`${plain ? 'http' : 'https'}://${host}`).origin, host, name };
}

/** Where an answer sends a client. A registry behind TLS that does not know of it names itself by http. */
export function targetOf(location: string, from: URL, { origin }: Pick<Endpoint, 'origin'>): URL {
  const target = new URL(location, from);
  const own = new URL(origin);
  if (target.protocol === 'http:' && own.protocol === 'https:' && target.host === own.host) target.protocol = 'https:';
  return target;
}

/**
 * Refuses targets that a registry must not name in a redirect or as token realm: http after https or after this machine, where nothing was in
 * clear on a network, and a literal address of this machine or network (nothing is resolved) unless the registry is at such an address: what
 * it could be made to ask for is then its own network (docs/networks.md). Another port of its own host is no other host.
 * @throws {RegistryError} of kind `rejected`, naming the target without its query.
 */
export function requireReachable(url: URL, from: Endpoint, insecureHosts: readonly string[], what: string): void {
  const registry = new URL(from.origin);
  const where = `${url.protocol}//${url.host}${url.pathname}`;
  const refuse = (why: string) =>
    new RegistryError('rejected', `${from.host} sends us to ${where} for ${what}: refused, ${why}`, { url: where });
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('it is not an http or https URL');
  if (url.username || url.password) throw refuse('it contains a user or password');
  if (url.protocol === 'http:' && registry.protocol === 'https:') throw refuse('it is plain http, the registry https');
  if (url.host === registry.host || insecureHosts.includes(url.host)) return;
  if (isLoopback(registry.hostname)) {
    // No advice how to allow it: there a cloud tells its machines their credentials.
    if (isIn(LINK_LOCAL, addressOf(url.hostname))) throw refuse(INSIDE_ADDRESS);
    if (isProtected(url)) return;
    throw refuse('it is plain http on another machine (if it is meant to be: name it in CANARY_INSECURE_REGISTRIES)');
  }
  if (!isInside(url.hostname) || url.hostname === registry.hostname) return;
  if (isPrivate(url.hostname) && isPrivate(registry.hostname)) return;
  throw refuse(INSIDE_ADDRESS);
}

const INSIDE_ADDRESS = 'it is an address of this machine or network';
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
/** Where a cloud tells its machines their credentials; by IPv4 it is in none of the networks above. */
const METADATA = new BlockList();
METADATA.addSubnet('fd00:ec2::', 32, 'ipv6');

/** Whether a hostname is a literal address of a private network. */
function isPrivate(hostname: string): boolean {
  const address = addressOf(hostname);
  return isIn(PRIVATE, address) && !isIn(METADATA, address);
}

const INSIDE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  INSIDE.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['64:ff9b::', 96],
] as const)
  INSIDE.addSubnet(net, prefix, 'ipv6');

/** Whether a hostname is of this machine or network. `URL` has normalized odd forms (0x7f.1, ::ffff:10.0.0.1) before. */
function isInside(hostname: string): boolean {
  const address = addressOf(hostname);
  return isIP(address) === 0 ? isLoopback(hostname.replace(/\.$/, '')) : isIn(INSIDE, address);
}

const addressOf = (hostname: string) => hostname.replace(/^\[|\]$/g, '');

const isIn = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
