import type { Dispatcher } from 'undici';
import { openPool } from '../net/http.js';
import { type AuthState, createAuthState } from './auth/auth.js';
import type { CredentialSource } from './auth/credentials.js';
import { createManifestCache, type ManifestCache } from './manifest-cache.js';
import { checkInsecureHost } from './transport/endpoint.js';
import { createWarnings } from './transport/warnings.js';

/** How long things may take, in milliseconds. */
export interface RegistryWaits {
  /** Until a connection stands. */
  connectMs: number;
  /** Until an answer begins, and between two pieces of it. */
  silenceMs: number;
  /** One request and its whole answer: a registry that drips is as good as one that hangs. */
  requestMs: number;
  /** One question with all its tries and tokens; whoever wants to wait longer has better means than an open socket. */
  totalMs: number;
  /** Before the second try, at most; three times that before the third. */
  retryMs: number;
}

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

/** A client of OCI registries, made once and kept: connections, tokens and manifests are used again. */
export interface Registry {
  readonly waits: RegistryWaits;
  readonly insecureHosts: readonly string[];
  readonly push: boolean;
  readonly pool: Dispatcher;
  readonly auth: AuthState;
  readonly manifests: ManifestCache;
  readonly warned: ReturnType<typeof createWarnings>;
  /** Ends what is under way. */
  close(): Promise<void>;
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
