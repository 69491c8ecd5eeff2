import { refusedWrite } from './refused-writes.js';

/**
 * - `not-found`: no such tag, manifest or repository.
 * - `unauthorized`: the credentials were not accepted: none, wrong or expired ones.
 * - `denied`: the credentials were accepted, but do not allow this.
 * - `rejected`: the registry does not accept the request; a retry does not help.
 * - `tag-immutable`: the registry does not let that tag move again.
 * - `transient`: a retry may help.
 * - `integrity`: bytes, digest and media type do not match.
 */
export type RegistryErrorKind =
  | 'not-found'
  | 'unauthorized'
  | 'denied'
  | 'rejected'
  | 'tag-immutable'
  | 'transient'
  | 'integrity';

export interface RegistryErrorFacts {
  method?: string;
  /** Without user, password and query. */
  url?: string;
  status?: number;
  /** The registry's own, e.g. `MANIFEST_UNKNOWN`, or the socket's, e.g. `ECONNREFUSED`. */
  code?: string;
  /** What fixes it; the message is what failed, and this in brackets. */
  hint?: string;
  /** Pause that the registry asks for, in milliseconds. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** A request to a registry failed. The message names method, URL, status and the registry's own message; never a credential. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly code?: string;
  readonly hint?: string;
  readonly retryAfterMs?: number;

  constructor(
    readonly kind: RegistryErrorKind,
    /** What failed, without the hint. */
    readonly what: string,
    { cause, ...facts }: RegistryErrorFacts = {},
  ) {
    super(facts.hint ? `${what} (${facts.hint})` : what, { cause });
    Object.assign(this, facts);
  }
}

/** Answer without success: what its kind depends on. */
export interface Refusal {
  method?: string;
  /** Whether a tag was to be written, and not a blob. */
  isOfTag?: boolean;
  status: number;
  /** The headers name a limit: `Retry-After`, or no requests that remain. */
  isLimited?: boolean;
  code?: string;
  /** The registry's message, and the `error` of its challenge. */
  message: string;
  challengeError?: string;
}

/** GitHub answers 403 with these words to requests that come too fast (secondary rate limit). */
const RATE_LIMIT = /rate limit|too many requests|abuse detection/i;
/** Harbor in read-only mode answers 403, Quay 503. What is read-only is the registry, not a login. */
const READ_ONLY =
  /\b(?:system|registry|server|service|instance)\b[^.]{0,40}\bread.?only\b|\bread.?only mode\b|\bmaintenance\b/i;
const OF_LOGIN = /\b(?:tokens?|scopes?|credentials?|permissions?|accounts?|users?)\b/i;
const WRITES = new Set(['PUT', 'POST', 'PATCH']);

/** Whether the registry refuses only because requests come too fast. */
export const isRateLimit = ({ code, status, message, isLimited = false }: Refusal): boolean =>
  code === 'TOOMANYREQUESTS' || status === 429 || (status === 403 && (isLimited || RATE_LIMIT.test(message)));

/** Whether the registry takes no writes at the moment. Distribution in maintenance answers 405 to them. */
export const isReadOnly = ({ method = '', status, message }: Refusal): boolean =>
  (status === 403 && READ_ONLY.test(message) && !OF_LOGIN.test(message)) || (status === 405 && WRITES.has(method));

/** Go and nginx tell a client so that speaks plain text where TLS is spoken. */
const WRONG_SCHEME = /plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server/i;

/** First match first. Statuses count before codes: bodies are as often empty or HTML. */
const KINDS: readonly [(refusal: Refusal) => boolean, RegistryErrorKind][] = [
  [isRateLimit, 'transient'],
  [(refusal) => refusedWrite(refusal)?.reason === 'immutable', 'tag-immutable'],
  // It is refused as those are who may not write at all; the hint tells them apart.
  [(refusal) => refusedWrite(refusal)?.reason === 'overwrite-right', 'denied'],
  [(refusal) => refusedWrite(refusal)?.reason === 'quota', 'rejected'],
  [isReadOnly, 'transient'],
  [({ status }) => status === 404, 'not-found'],
  [({ status, challengeError }) => status === 401 && challengeError === 'insufficient_scope', 'denied'],
  [({ status, code }) => status === 401 && code === 'DENIED', 'denied'],
  [({ status }) => status === 401, 'unauthorized'],
  [({ status }) => status === 403, 'denied'],
  // It is asked by https next.
  [({ status, message }) => status === 400 && WRONG_SCHEME.test(message), 'transient'],
  // 501: the method is not implemented, and a retry does not change that.
  [({ status }) => status === 408 || status === 499 || (status >= 500 && status !== 501), 'transient'],
];

/** Kind of an answer without success. */
export function kindOf(refusal: Refusal): RegistryErrorKind {
  return KINDS.find(([matches]) => matches(refusal))?.[1] ?? 'rejected';
}
