import type { RegistryErrorKind } from './errors.js';

/** What a mend is chosen by. */
export interface Failure {
  kind: RegistryErrorKind;
  method: string;
  host: string;
  status?: number;
  code?: string;
  words: string;
  /** Whether we had anything to show who we are; undefined where it does not matter. */
  hadCredentials?: boolean;
}

const GITHUB_WRITE = /permission_denied: ?write_package|installation not allowed to write/i;
const EXPIRED = /expired|invalid_token|revoked|bad credentials/i;
const refused = ({ kind }: Failure) => kind === 'unauthorized' || kind === 'denied';
const PLAIN_HTTP = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO'];
const CERTIFICATE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_)/;

/** First match first; the closer to one registry's very words, the further up. */
const MENDS: readonly [(failure: Failure) => boolean, (failure: Failure) => string][] = [
  [
    ({ words }) => GITHUB_WRITE.test(words),
    () =>
      'give the token packages: write, and this repository the role Write under "Manage Actions access" in the package\'s settings',
  ],
  [
    (failure) => refused(failure) && EXPIRED.test(failure.words),
    () => 'the token is expired or revoked: make a new one',
  ],
  [
    (failure) => refused(failure) && failure.host === 'ghcr.io',
    ({ hadCredentials }) =>
      `ghcr.io says so for "no such image" as well as for "no access": check the name, then ${hadCredentials ? 'GITHUB_TOKEN (a bad one is refused even for public images; it needs write:packages)' : 'set GITHUB_TOKEN, there were no credentials'}`,
  ],
  [
    ({ kind, hadCredentials }) => kind === 'unauthorized' && hadCredentials === false,
    ({ host }) => `there are no credentials for ${host}: log in with docker login, or set DOCKER_AUTH_CONFIG`,
  ],
  [
    ({ kind }) => kind === 'unauthorized',
    ({ host }) => `the credentials for ${host} are wrong or expired: log in again`,
  ],
  [
    ({ kind, method }) => kind === 'denied' && method !== 'GET' && method !== 'HEAD',
    ({ host }) => `these credentials may not write there: ask ${host} for push access`,
  ],
  [({ kind }) => kind === 'denied', ({ host }) => `these credentials may not read there: ask ${host} for access`],
  [({ kind }) => kind === 'tag-immutable', () => 'the registry forbids that this tag moves: exempt it there'],
  [({ kind }) => kind === 'conflict', () => 'somebody else moved the tag: look who, then start anew'],
  [
    ({ code }) => code === 'NAME_INVALID' || code === 'NAME_UNKNOWN',
    ({ host }) => `check the name, it has to be whole: ${host}/OWNER/IMAGE`,
  ],
  [({ code }) => code === 'MANIFEST_BLOB_UNKNOWN', () => 'a part of the image is gone: push the build again'],
  [({ code }) => code === 'MANIFEST_UNKNOWN', () => 'was it published under this tag, or cleaned up since?'],
  [({ status }) => status === 413, () => 'the manifest is larger than this registry takes'],
  [({ code }) => code === 'ENOTFOUND', ({ host }) => `no such host: is ${host} spelt right?`],
  [({ code }) => code === 'ECONNREFUSED', ({ host }) => `nobody listens there: is ${host} up?`],
  [
    ({ code }) => PLAIN_HTTP.includes(code ?? ''),
    ({ host }) => `${host} does not speak https: name it as an insecure host if that is meant`,
  ],
  [
    ({ code }) => CERTIFICATE.test(code ?? ''),
    () => 'its certificate is not trusted here: NODE_EXTRA_CA_CERTS names one more authority',
  ],
];

/** What to do about it, or nothing where asking again is all there is to do. */
export function mendOf(failure: Failure): string | undefined {
  return MENDS.find(([matches]) => matches(failure))?.[1](failure);
}
