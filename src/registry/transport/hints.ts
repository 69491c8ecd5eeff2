import { isRateLimit, isReadOnly, type RegistryErrorKind } from './errors.js';
import { PLAIN_TEXT } from './find-endpoint.js';
import { refusedWrite } from './refused-writes.js';

/** What a hint is chosen by. */
export interface Failure {
  kind: RegistryErrorKind;
  method: string;
  isOfTag?: boolean;
  host: string;
  status?: number;
  code?: string;
  message: string;
  /** The headers name a limit. */
  isLimited?: boolean;
  /** Size of the request's body. */
  sentBytes?: number;
  /** Whether the request had credentials; undefined if it does not matter. */
  hadCredentials?: boolean;
}

const GITHUB_WRITE = /permission_denied: ?write_package|installation not allowed to write/i;
const EXPIRED = /expired|invalid_token|revoked|bad credentials/i;
const refused = ({ kind }: Failure) => kind === 'unauthorized' || kind === 'denied';
const answered = (failure: Failure): failure is Failure & { status: number } => failure.status !== undefined;
/** Kinds of a refused write that no retry helps. */
const FINAL = new Set<RegistryErrorKind>(['tag-immutable', 'denied', 'rejected']);

/** First match first; the more specific to one registry's messages, the further up. */
const HINTS: readonly [(failure: Failure) => boolean, (failure: Failure) => string][] = [
  [
    (failure) => answered(failure) && isRateLimit(failure),
    ({ host }) => `${host} limits the rate of requests: it is retried`,
  ],
  [
    (failure) => failure.kind === 'transient' && answered(failure) && isReadOnly(failure),
    ({ host }) => `${host} takes no writes, as in read-only mode or maintenance: it is retried`,
  ],
  [
    ({ message }) => GITHUB_WRITE.test(message),
    () =>
      'give the token packages: write, and this repository the role Write under "Manage Actions access" in the package\'s settings',
  ],
  [
    (failure) => FINAL.has(failure.kind) && answered(failure) && refusedWrite(failure) !== undefined,
    (failure) => (answered(failure) ? refusedWrite(failure)?.fix(failure.host) : undefined) ?? '',
  ],
  [
    (failure) => refused(failure) && EXPIRED.test(failure.message),
    () => 'the token is expired or revoked: create a new one',
  ],
  [
    (failure) => refused(failure) && failure.host === 'ghcr.io',
    ({ hadCredentials }) =>
      `ghcr.io answers so for "no such image" and for "no access": check the name, then ${hadCredentials ? 'GITHUB_TOKEN (an invalid one is refused even for public images; it needs write:packages)' : 'set GITHUB_TOKEN, no credentials were sent'}`,
  ],
  [
    ({ kind, hadCredentials }) => kind === 'unauthorized' && hadCredentials === false,
    ({ host }) => `no credentials for ${host}: log in with docker login, or set DOCKER_AUTH_CONFIG`,
  ],
  [
    ({ kind }) => kind === 'unauthorized',
    ({ host }) => `the credentials for ${host} are wrong or expired: log in again`,
  ],
  [
    ({ kind, method }) => kind === 'denied' && method !== 'GET' && method !== 'HEAD',
    ({ host }) => `these credentials may not write: get push access at ${host}`,
  ],
  [({ kind }) => kind === 'denied', ({ host }) => `these credentials may not read: get access at ${host}`],
  [
    ({ code }) => code === 'NAME_INVALID' || code === 'NAME_UNKNOWN',
    ({ host }) => `check the name: expected ${host}/OWNER/IMAGE`,
  ],
  [({ code }) => code === 'MANIFEST_BLOB_UNKNOWN', () => 'a part of the image is missing: push the build again'],
  [({ code }) => code === 'MANIFEST_UNKNOWN', () => 'was it published under this tag, or removed since?'],
  [
    ({ status }) => status === 413,
    ({ sentBytes }) =>
      `${sentBytes === undefined ? 'the request is' : `the ${sentBytes} bytes sent are`} too large for the registry, or for a proxy before it (nginx: client_max_body_size)`,
  ],
  [
    ({ status = 0 }) => status >= 300 && status < 400,
    ({ host }) => `is there a login before ${host}, as of SSO? let this client pass without one`,
  ],
  [({ code }) => code === 'ENOTFOUND', ({ host }) => `no such host: is ${host} spelled right?`],
  [({ code }) => code === 'ECONNREFUSED', ({ host }) => `connection refused: is ${host} running?`],
  [
    ({ code }) => PLAIN_TEXT.includes(code ?? ''),
    ({ host }) => `${host} does not speak https: add it to CANARY_INSECURE_REGISTRIES if that is intended`,
  ],
];

/** What fixes the failure; undefined if only a retry helps. */
export function hintFor(failure: Failure): string | undefined {
  return HINTS.find(([matches]) => matches(failure))?.[1](failure);
}
