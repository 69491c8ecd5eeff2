import type { Config } from '../config/schema.js';
import { splitRepository } from '../contract/image.js';
import { type ProxyServer, shownProxy } from '../net/proxy.js';
import type { Fleet } from '../tenants/fleet.js';
import type { Finding } from './finding.js';

const INSECURE = 'its traffic can be read and changed on the way, passwords too';

/**
 * By which proxy each destination is reached, and what weakens its TLS. Nothing is connected to; no finding if nothing is unusual.
 * @param temporal the proxy to Temporal as shown; null: none, or unknown.
 */
export function checkNetworks(
  { network, images, insecureRegistries }: Config,
  fleets: readonly Fleet[],
  temporal: string | null,
): Finding[] {
  const { problems } = network.authorities();
  const warnings: Finding[] = [
    ...problems.map((what): Finding => ({ area: 'network', level: 'warning', what, fix: 'correct or unset it' })),
    ...insecureRegistries.map((host): Finding => {
      const fix = 'give the registry a certificate that is trusted here, and unset it';
      return { area: 'network', level: 'warning', what: `CANARY_INSECURE_REGISTRIES: ${host}: ${INSECURE}`, fix };
    }),
  ];
  const hosts = [...new Set(images.map((image) => splitRepository(image).host))];
  const tenants = fleets.flatMap(({ tenants, access }) =>
    tenants.map(({ name, origin }): [string, ProxyServer | null] => {
      const way = access.get(origin)?.network ?? network;
      return [name, way.proxyFor(new URL(origin))];
    }),
  );
  const ways: [string, string | null][] = [
    ['Temporal', temporal],
    ...hosts.map((host): [string, string | null] => [host, shownOrNull(network.proxyFor(new URL(`https://${host}`)))]),
    ...tenants.map(([name, proxy]): [string, string | null] => [name, shownOrNull(proxy)]),
  ];
  if (!network.hasProxies && ways.every(([, via]) => via === null)) return warnings;
  const notes = ways.map(
    ([name, via]): Finding => ({
      area: 'network',
      level: 'ok',
      what: `${name} is reached ${via ? `through the ${via}` : 'directly'}`,
    }),
  );
  return [...warnings, ...notes];
}

const shownOrNull = (proxy: ProxyServer | null) => proxy && shownProxy(proxy);
