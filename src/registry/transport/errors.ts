/**
 * - `not-found`: no such tag, manifest or repository.
 * - `unauthorized`: who we are was not accepted: no credentials, wrong ones, expired ones.
 * - `denied`: who we are was accepted, and may not do this.
 * - `rejected`: the request makes no sense to the registry; asking again will not help.
 * - `tag-immutable`: this registry never lets that tag move again.
 * - `conflict`: the tag is not where the writer said it was.
 * - `transient`: asking again may help.
 * - `integrity`: bytes, digest or media type do not fit together.
 */
export type RegistryErrorKind =
  | 'not-found'
  | 'unauthorized'
  | 'denied'
  | 'rejected'
  | 'tag-immutable'
  | 'conflict'
  | 'transient'
  | 'integrity';

export interface RegistryErrorFacts {
  method?: string;
  /** Without user, password and query. */
  url?: string;
  status?: number;
  /** The registry's own, e.g. `MANIFEST_UNKNOWN`, or the socket's, e.g. `ECONNREFUSED`. */
  code?: string;
  /** What to do about it; the message ends with it. */
  mend?: string;
  /** How long the registry wants to be left alone. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** A registry did not do what it was asked. The message names method, URL, status and the registry's own words; never a credential. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly code?: string;
  readonly mend?: string;
  readonly retryAfterMs?: number;

  constructor(
    readonly kind: RegistryErrorKind,
    message: string,
    { cause, ...facts }: RegistryErrorFacts = {},
  ) {
    super(message, { cause });
    Object.assign(this, facts);
  }
}

/** An answer that is not a success, as far as its kind depends on it. */
export interface Refusal {
  status: number;
  code?: string;
  /** The registry's words, and the `error` of its challenge. */
  words: string;
  challengeError?: string;
  /** It came in answer to an If-Match of ours. */
  conditional?: boolean;
}

const IMMUTABLE = /immutable|already exists|cannot be overwritten/i;

/** registry.md section 8, first match first. Statuses before codes: bodies are just as often empty or HTML. */
const KINDS: readonly [(refusal: Refusal) => boolean, RegistryErrorKind][] = [
  [({ code, status }) => code === 'TOOMANYREQUESTS' || status === 429, 'transient'],
  [
    ({ status, words, code }) => IMMUTABLE_STATUS.has(status) && (IMMUTABLE.test(words) || code === 'TAG_IMMUTABLE'),
    'tag-immutable',
  ],
  [({ status, conditional }) => status === 412 && conditional === true, 'conflict'],
  [({ status }) => status === 404, 'not-found'],
  [({ status, challengeError }) => status === 401 && challengeError === 'insufficient_scope', 'denied'],
  [({ status, code }) => status === 401 && code === 'DENIED', 'denied'],
  [({ status }) => status === 401, 'unauthorized'],
  [({ status }) => status === 403, 'denied'],
  [({ status }) => status === 408 || status === 499 || status >= 500, 'transient'],
];
const IMMUTABLE_STATUS = new Set([400, 403, 409, 412]);

/** The kind of an answer that is not a success. */
export function kindOf(refusal: Refusal): RegistryErrorKind {
  return KINDS.find(([matches]) => matches(refusal))?.[1] ?? 'rejected';
}
