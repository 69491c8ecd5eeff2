import { openPool } from '../net/http.js';
import { createAuthState } from './auth/auth.js';
import type { CredentialSource, Registry, RegistryWaits } from './context.js';
import { createManifestCache } from './manifest-cache.js';
import { checkInsecureHost } from './transport/endpoint.js';
import { createWarnings } from './transport/warnings.js';

export const REGISTRY_WAITS: RegistryWaits = {
  connectMs: 5_000,
  silenceMs: 10_000,
  requestMs: 10_000,
  totalMs: 20_000,
  retryMs: 200,
};

export interface RegistryOptions {
  /** Nobody, where it is left out. */
  credentials?: CredentialSource;
  /** `host` or `host:port` that is asked by plain http, beside this machine. */
  insecureHosts?: string[];
  waits?: Partial<RegistryWaits>;
  /** Every repository will be written to: one token for reading and writing is asked for from the start. */
  push?: boolean;
  /** Is told what registries want people to know (`Warning: 299`), each line once. */
  onWarning?: (line: string) => void;
}

/** @throws {InvalidInput} on an insecure host that is none. */
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
    warned: createWarnings(options.onWarning ?? (() => undefined)),
    close: () => pool.destroy(),
  };
}
