import type { Dispatcher } from 'undici';
import type { InvalidInput } from '../contract/brand.js';
import type { Digest, Repository, Tag } from '../contract/image.js';
import type { Network } from '../net/network.js';
import type { Challenge } from './auth/challenge.js';
import type { SingleFlight } from './transport/single-flight.js';

/** A manifest or an index, exactly as the registry sent it. */
export interface Manifest {
  repository: Repository;
  /** Computed from the bytes. */
  digest: Digest;
  mediaType: string;
  bytes: Uint8Array;
  /** Manifests of an index; empty for the manifest of one platform. */
  children: Digest[];
  /** Children that no machine pulls: provenance and SBOM. */
  attestations: Digest[];
}

/** Manifests by digest: the bytes under a digest never change. */
export interface ManifestCache {
  get(repository: Repository, digest: Digest): Manifest | undefined;
  add(manifest: Manifest): void;
}

/** Credentials for one registry. */
export type Credentials =
  | { kind: 'basic'; username: string; password: string }
  /** A refresh token, exchanged at the token server. */
  | { kind: 'identity-token'; token: string }
  /** A bearer token that is sent as it is, and cannot be renewed. */
  | { kind: 'registry-token'; token: string };

/** Credentials for the repository of that name on that host, other ones than those that were refused; null: anonymous.
 * @throws {InvalidInput} if a source exists and cannot be used. */
export type CredentialSource = (
  host: string,
  repository: string,
  refused?: Credentials | null,
) => Promise<Credentials | null>;

/** What authorizes requests to one repository. */
export interface Grant {
  /** Authorization header; null: none is sent. */
  header: string | null;
  /** `bearer` or `basic`; null: no header. */
  scheme: string | null;
  /** Whether credentials stand behind it. */
  known: boolean;
  /** By `performance.now()`. */
  expiresAt: number;
}

/** State of authentication, by host and repository. */
export interface AuthState {
  readonly credentials: CredentialSource;
  /** Whether there may be credentials for a host. */
  readonly mayHaveLogin: (host: string) => Promise<boolean>;
  /** Challenges of each host in the order in which they are answered; null: it answers without one. */
  readonly hosts: Map<string, Challenge[] | null>;
  /** Hosts whose `/v2/` was asked for its challenge. */
  readonly pinged: Set<string>;
  readonly pings: SingleFlight<boolean>;
  /** First request to a host under way; it finds the challenge for all others. */
  readonly challengeProbes: Map<string, Promise<void>>;
  readonly grants: Map<string, Grant>;
  readonly flights: SingleFlight<Grant>;
  /** Scopes that a registry required besides the repository's own. */
  readonly extraScopes: Map<string, string[]>;
  /** `host name` of repositories for which the token server refuses a token that may write. */
  readonly readOnly: Set<string>;
  /** By `host name`, why a login could not be read where no source had one: it is asked without, and told if that is not enough. */
  readonly faults: Map<string, InvalidInput>;
  /** Texts that no message may contain, even if a server sends them back. */
  readonly secrets: Set<string>;
}

/** Time limits, in milliseconds. */
export interface RegistryWaits {
  /** Until a connection is open. */
  connectMs: number;
  /** Until an answer begins, and between two pieces of it. */
  silenceMs: number;
  /** One request and its whole answer: a registry that sends a byte now and then counts as hanging. */
  requestMs: number;
  /** One request with all its attempts and tokens; longer waits belong to the caller, who needs no open socket. */
  totalMs: number;
  /** Longest pause before the second attempt; three times that before the third. */
  retryMs: number;
}

/** Client of OCI registries, created once: connections, tokens and manifests are reused. */
export interface Registry {
  readonly waits: RegistryWaits;
  readonly network: Network;
  readonly insecureHosts: readonly string[];
  /** What hosts speak that may be asked by http. */
  readonly schemes: Map<string, 'https' | 'http'>;
  readonly schemeFlights: SingleFlight<'https' | 'http'>;
  readonly push: boolean;
  /** Tag that production follows: what texts call `:latest`. */
  readonly latest: Tag;
  readonly pool: Dispatcher;
  /** A connection for each request. */
  readonly freshPool: Dispatcher;
  readonly auth: AuthState;
  readonly manifests: ManifestCache;
  /** Passes on a `Warning` header of that host. */
  readonly warn: (host: string, header: string | string[] | undefined, secrets: Iterable<string>) => void;
  /** Told of each answer: its status, or null if there was none. */
  readonly onAnswer: (status: number | null) => void;
  /** Closes the connections; requests under way fail. */
  close(): Promise<void>;
}
