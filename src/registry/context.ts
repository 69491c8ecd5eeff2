import type { Dispatcher } from 'undici';
import type { Digest, Repository, Tag } from '../contract/image.js';
import type { Challenge } from './auth/challenge.js';
import type { Flights } from './transport/single-flight.js';
import type { createWarnings } from './transport/warnings.js';

/** A manifest or an index, exactly as the registry sent it. */
export interface Manifest {
  repository: Repository;
  /** Computed from the bytes. */
  digest: Digest;
  mediaType: string;
  bytes: Uint8Array;
  /** What an index points at; empty for the manifest of one platform. */
  children: Digest[];
}

/** What was read and can be used again. */
export interface ManifestCache {
  /** Bytes under their digest never change. */
  get(repository: Repository, digest: Digest): Manifest | undefined;
  add(manifest: Manifest): void;
  /** The ETag with which a tag was last seen at that digest. */
  etag(repository: Repository, tag: Tag, digest: Digest): string | undefined;
  sawEtag(repository: Repository, tag: Tag, seen: { digest: Digest; etag: string } | null): void;
}

/** Who we are to a registry. */
export type Credentials =
  | { kind: 'basic'; username: string; password: string }
  /** A refresh token, exchanged at the token server. */
  | { kind: 'identity-token'; token: string }
  /** A bearer token that is shown as it is, and cannot be renewed. */
  | { kind: 'registry-token'; token: string };

/** Who we are to the repository of that name on that host; null where we are nobody.
 * @throws {InvalidInput} when a source is there and cannot be used. */
export type CredentialSource = (host: string, repository: string) => Promise<Credentials | null>;

export interface Grant {
  header: string | null;
  known: boolean;
  /** By `performance.now()`. */
  expiresAt: number;
}

/** What is known of hosts and tokens. */
export interface AuthState {
  readonly credentials: CredentialSource;
  /** How a host wants us to say who we are; null: it did not ask. */
  readonly hosts: Map<string, Challenge | null>;
  /** The first request to a host, which finds that out for all the others. */
  readonly scouts: Map<string, Promise<void>>;
  readonly grants: Map<string, Grant>;
  readonly flights: Flights<Grant>;
  /** Scopes that a registry wanted beside the repository's own. */
  readonly extraScopes: Map<string, string[]>;
  /** What must never be in a message, even when a server sends it back. */
  readonly secrets: Set<string>;
}

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
