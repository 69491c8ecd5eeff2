import { LATEST, parseRegistryHost, type Tag } from '../contract/image.js';
import { isLoopback } from '../net/loopback.js';
import { DIRECT, type Network } from '../net/network.js';
import { openPool } from '../net/pool.js';
import type { TlsMaterial } from '../net/trust.js';
import { createAuthState } from './auth/auth.js';
import type { AuthState, CredentialSource, Registry, RegistryWaits } from './context.js';
import { createManifestCache } from './manifest-cache.js';
import { createWarnings } from './transport/server-message.js';
import { SingleFlight } from './transport/single-flight.js';

export const REGISTRY_WAITS: RegistryWaits = {
  connectMs: 5_000,
  silenceMs: 10_000,
  requestMs: 10_000,
  totalMs: 20_000,
  retryMs: 200,
};

/** Longest head of an answer, in bytes: a gateway before a registry may add many cookies and policies. Go takes 1 MiB and more. */
const MAX_HEADER = 1024 * 1024;

export interface RegistryOptions {
  /** Anonymous if left out. */
  credentials?: CredentialSource;
  /** Whether there may be credentials for a host; assumed if left out. */
  mayHaveLogin?: AuthState['mayHaveLogin'];
  /** `host` or `host:port` that may speak plain http, or https with any certificate, besides this machine. */
  insecureHosts?: string[];
  waits?: Partial<RegistryWaits>;
  /** By which proxies and authorities it is reached; directly if left out. */
  network?: Network;
  /** Authorities and client certificate for a host. */
  certsFor?: (host: string) => TlsMaterial | null;
  /** Every repository will be written to: the first token already allows reading and writing. */
  push?: boolean;
  /** Tag that production follows; `latest` if left out. */
  latest?: Tag;
  /** Receives the warnings of registries for people (`Warning: 299`), each line once. */
  onWarning?: (line: string) => void;
  /** Told of each answer: its status, or null if there was none. */
  onAnswer?: Registry['onAnswer'];
}

/** @throws {InvalidInput} on an invalid insecure host. */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const waits = { ...REGISTRY_WAITS, ...options.waits };
  const { network = DIRECT, certsFor = () => null } = options;
  const insecureHosts = (options.insecureHosts ?? []).map(parseRegistryHost);
  const unverified = new Set(insecureHosts.map((host) => new URL(`https://${host}`).host));
  const tlsFor = (url: URL): TlsMaterial | null => {
    const own = certsFor(url.host) ?? (url.port === '' ? certsFor(`${url.host}:443`) : null);
    if (!unverified.has(url.host) && !isLoopback(url.hostname)) return own;
    return { ca: [], client: null, ...own, isUnverified: true };
  };
  const common = { network, connectMs: waits.connectMs, maxHeaderBytes: MAX_HEADER, tlsFor };
  const pool = openPool(common);
  const freshPool = openPool({ ...common, reuse: false });
  return {
    waits,
    network,
    insecureHosts,
    schemes: new Map(),
    schemeFlights: new SingleFlight(),
    push: options.push ?? false,
    latest: options.latest ?? LATEST,
    pool,
    freshPool,
    auth: createAuthState(options.credentials ?? (async () => null), options.mayHaveLogin),
    manifests: createManifestCache(),
    warn: createWarnings(options.onWarning ?? (() => undefined)),
    onAnswer: options.onAnswer ?? (() => undefined),
    close: async () => {
      await Promise.all([pool.destroy(), freshPool.destroy()]);
    },
  };
}
