import { openPool } from '../net/http.js';
import { createAuthState } from './auth/auth.js';
import type { CredentialSource, Registry, RegistryWaits } from './context.js';
import { createManifestCache } from './manifest-cache.js';
import { checkInsecureHost } from './transport/endpoint.js';
import { createWarnings } from './transport/server-message.js';

export const REGISTRY_WAITS: RegistryWaits = {
  connectMs: 5_000,
  silenceMs: 10_000,
  requestMs: 10_000,
  totalMs: 20_000,
  retryMs: 200,
};

export interface RegistryOptions {
  /** Anonymous if left out. */
  credentials?: CredentialSource;
  /** `host` or `host:port` that is reached by plain http, besides this machine. */
  insecureHosts?: string[];
  waits?: Partial<RegistryWaits>;
  /** Every repository will be written to: the first token already allows reading and writing. */
  push?: boolean;
  /** Receives the warnings of registries for people (`Warning: 299`), each line once. */
  onWarning?: (line: string) => void;
}

/** @throws {InvalidInput} on an invalid insecure host. */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const waits = { ...REGISTRY_WAITS, ...options.waits };
  const pool = openPool(waits.connectMs);
  return {
    waits,
    insecureHosts: (options.insecureHosts ?? []).map(checkInsecureHost),
    push: options.push ?? false,
    pool,
    auth: createAuthState(options.credentials ?? (async () => null)),
    manifests: createManifestCache(),
    warn: createWarnings(options.onWarning ?? (() => undefined)),
    close: () => pool.destroy(),
  };
}
