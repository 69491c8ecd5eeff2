import type { RegistryErrorKind } from '../../src/registry/transport/errors.js';
import type { Response, Serve } from '../../testbed/memory-registry.js';
import { type Answer, ociError, type RegistryRequest } from '../../testbed/registry-store.js';

/** One fault of a registry during a retag, and how the retag ends. */
export interface Row {
  fault: string;
  /** Requests of the retag that get the faulty answer; `nth` counts from 1. */
  when: (request: RegistryRequest) => boolean;
  answer: (serve: Serve, nth: number, request: RegistryRequest) => Response | Promise<Response>;
  /** End of the retag. */
  ends: 'moved' | RegistryErrorKind;
  /** Part of the error message. */
  says?: string | RegExp;
  /** Where `:latest` points afterwards, by the registry; derived from `ends` if left out. */
  latest?: 'moved' | 'as before';
  /** Number of requests that got the faulty answer. */
  asked: number;
  retryAfterMs?: number;
}

const LIE = `sha256:${'1'.repeat(64)}`;
const GITHUB = 'permission_denied: write_package';
const by = (method: string, reference: string) => (request: RegistryRequest) =>
  request.method === method && request.path.endsWith(`/manifests/${reference}`);
export const getStaging = (request: RegistryRequest) =>
  request.method === 'GET' && request.path.includes('/manifests/staging-');
const getAny = ({ method }: RegistryRequest) => method === 'GET';
const heads = ({ method }: RegistryRequest) => method === 'HEAD';
export const putLatest = by('PUT', 'latest');
export const withHeaders = (answer: Answer, headers: Record<string, string | undefined>): Answer => ({
  ...answer,
  headers: Object.fromEntries(
    Object.entries({ ...answer.headers, ...headers }).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ),
});
const upTo = (times: number, fault: Answer) => (serve: Serve, nth: number) => (nth <= times ? fault : serve());
export const tooMany = (headers: Record<string, string>, message = 'slow down') =>
  ociError(429, 'TOOMANYREQUESTS', message, headers);

export const ROWS: Row[] = [
  {
    fault: 'GET by tag gives bytes that do not hash to Docker-Content-Digest',
    when: getStaging,
    answer: (serve) => ({ ...serve(), body: Buffer.from(`${serve().body} `) }),
    ends: 'integrity',
    says: 'its bytes are',
    asked: 1,
  },
  {
    fault: 'GET returns a wrong digest header with the right bytes',
    when: getStaging,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': LIE }),
    ends: 'integrity',
    says: 'the registry names digest',
    asked: 1,
  },
  {
    fault: 'GET returns no digest header',
    when: getAny,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': undefined, etag: undefined }),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: 'HEAD returns a wrong digest header',
    when: heads,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': LIE }),
    ends: 'integrity',
    asked: 2,
  },
  {
    fault: 'HEAD returns no digest header',
    when: heads,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': undefined }),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: 'HEAD returns neither digest nor media type',
    when: heads,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': undefined, 'content-type': undefined }),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: 'PUT is answered 201 with another digest',
    when: putLatest,
    answer: (serve) => withHeaders(serve(), { 'docker-content-digest': LIE }),
    ends: 'integrity',
    says: `the registry names ${LIE}`,
    latest: 'moved',
    asked: 1,
  },
  {
    fault: 'PUT is answered 503 twice',
    when: putLatest,
    answer: upTo(2, ociError(503, 'UNAVAILABLE', 'busy')),
    ends: 'moved',
    asked: 3,
  },
  {
    fault: 'the connection drops after the PUT was done',
    when: putLatest,
    answer: (serve, nth) => (serve().status === 201 && nth === 1 ? 'drop' : serve()),
    ends: 'moved',
    asked: 1,
  },
  {
    fault: 'the connection drops before an answer to a GET, twice',
    when: getStaging,
    answer: (serve, nth) => (nth <= 2 ? 'drop' : serve()),
    ends: 'moved',
    asked: 3,
  },
  {
    fault: '429 with Retry-After in seconds, once',
    when: getStaging,
    answer: upTo(1, tooMany({ 'retry-after': '1' })),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: '429 with Retry-After as a date, once',
    when: getStaging,
    answer: (serve, nth) =>
      nth === 1 ? tooMany({ 'retry-after': new Date(Date.now() + 1_500).toUTCString() }) : serve(),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: '429 with Retry-After: 8, longer than we wait ourselves',
    when: getStaging,
    answer: upTo(1, tooMany({ 'retry-after': '8' })),
    ends: 'transient',
    asked: 1,
    retryAfterMs: 8_000,
  },
  {
    fault: '429 without a header, as GHCR answers',
    when: getStaging,
    answer: upTo(2, ociError(429, 'TOOMANYREQUESTS', 'retry-after: 880.092µs, allowed: 44000/minute')),
    ends: 'moved',
    asked: 3,
  },
  {
    fault: '429 without a header, as GHCR answers, in minutes',
    when: getStaging,
    answer: () => ociError(429, 'TOOMANYREQUESTS', 'retry-after: 1m30s, allowed: 2000/minute'),
    ends: 'transient',
    asked: 1,
    retryAfterMs: 90_000,
  },
  {
    fault: '500 for ever',
    when: getStaging,
    answer: () => ociError(500, 'UNKNOWN', 'unknown error'),
    ends: 'transient',
    says: 'status 500 UNKNOWN: unknown error',
    asked: 3,
  },
  {
    fault: 'a registry that takes a request and never answers',
    when: getStaging,
    answer: () => 'hang',
    ends: 'transient',
    says: 'timeout',
    asked: 3,
  },
  {
    fault: 'a PUT that is never answered',
    when: putLatest,
    answer: () => 'hang',
    ends: 'transient',
    says: 'timeout',
    asked: 3,
  },
  {
    fault: '403 as GHCR refuses a write',
    when: putLatest,
    answer: () => ociError(403, 'DENIED', GITHUB),
    ends: 'denied',
    says: /DENIED: permission_denied: write_package \(give the token packages: write.*Manage Actions access/,
    asked: 1,
  },
  {
    fault: '403 as GHCR refuses an Actions token',
    when: putLatest,
    answer: () => ociError(403, 'DENIED', 'installation not allowed to Write organization package'),
    ends: 'denied',
    says: 'Manage Actions access',
    asked: 1,
  },
  {
    fault: '403 on HEAD, which has no body',
    when: (request) => heads(request) || (getAny(request) && /sha256:/.test(request.path)),
    answer: () => ociError(403, 'DENIED', 'quota used up'),
    ends: 'denied',
    says: 'quota used up',
    asked: 4,
  },
  {
    fault: '400 for an immutable tag, as ECR answers',
    when: putLatest,
    answer: () =>
      ociError(
        400,
        'TAG_INVALID',
        "The image tag 'latest' already exists in the repository and cannot be overwritten because the repository is immutable.",
      ),
    ends: 'tag-immutable',
    says: 'exempt it from tag immutability',
    asked: 1,
  },
  {
    fault: '409 for an immutable tag, as Harbor answers',
    when: putLatest,
    answer: () => ociError(412, 'PRECONDITION', 'configured as immutable'),
    ends: 'tag-immutable',
    asked: 1,
  },
  {
    fault: '400 MANIFEST_INVALID',
    when: putLatest,
    answer: () => ociError(400, 'MANIFEST_INVALID', 'manifest invalid'),
    ends: 'rejected',
    asked: 1,
  },
  {
    fault: '405 to a write, as distribution answers in maintenance',
    when: putLatest,
    answer: upTo(2, ociError(405, 'UNSUPPORTED', 'the operation is unsupported')),
    ends: 'moved',
    asked: 3,
  },
  {
    fault: '405 to a write for ever',
    when: putLatest,
    answer: () => ociError(405, 'UNSUPPORTED', 'the operation is unsupported'),
    ends: 'transient',
    says: 'takes no writes, as in read-only mode or maintenance: it is retried',
    asked: 3,
  },
  {
    fault: '405 for a locked tag, as ACR answers',
    when: putLatest,
    answer: () => ociError(405, 'UNSUPPORTED', 'The operation is disallowed on this registry, repository or image'),
    ends: 'tag-immutable',
    asked: 1,
  },
  {
    fault: "403 as GitHub's secondary rate limit",
    when: putLatest,
    answer: upTo(2, {
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}'),
    }),
    ends: 'moved',
    asked: 3,
  },
  {
    fault: '403 with Retry-After',
    when: putLatest,
    answer: () => ociError(403, 'DENIED', 'not now', { 'retry-after': '90' }),
    ends: 'transient',
    says: 'limits the rate of requests: it is retried',
    retryAfterMs: 90_000,
    asked: 3,
  },
  {
    fault: '403 with no requests that remain',
    when: putLatest,
    answer: upTo(1, ociError(403, 'DENIED', 'not now', { 'x-ratelimit-remaining': '0' })),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: '403 as Harbor answers in read-only mode',
    when: putLatest,
    answer: upTo(1, ociError(403, 'DENIED', 'The system is in read only mode. Any modification is prohibited.')),
    ends: 'moved',
    asked: 2,
  },
  {
    fault: 'PUT is answered 202',
    when: putLatest,
    answer: (serve) => ({ ...serve(), status: 202 }),
    ends: 'moved',
    asked: 1,
  },
  {
    fault: 'PUT is answered 200 without a digest',
    when: putLatest,
    answer: (serve) => withHeaders({ ...serve(), status: 200 }, { 'docker-content-digest': undefined }),
    ends: 'moved',
    asked: 1,
  },
  {
    fault: 'PUT is answered 202 with another digest',
    when: putLatest,
    answer: (serve) => withHeaders({ ...serve(), status: 202 }, { 'docker-content-digest': LIE }),
    ends: 'integrity',
    latest: 'moved',
    asked: 1,
  },
  {
    fault: 'PUT is sent elsewhere',
    when: putLatest,
    answer: () => ({ status: 307, headers: { location: 'http://127.0.0.1:1/' } }),
    ends: 'rejected',
    asked: 1,
  },
  {
    fault: '404 as a page of HTML',
    when: getStaging,
    answer: () => ({
      status: 404,
      headers: { 'content-type': 'text/html' },
      body: Buffer.from('<html><style>p{}</style><p>404 page\n\tnot found</p>'),
    }),
    ends: 'not-found',
    says: '404 page not found',
    asked: 1,
  },
  {
    fault: 'an image of schema 1',
    when: getStaging,
    answer: (serve) =>
      withHeaders(serve(), { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }),
    ends: 'rejected',
    says: 'schema 1',
    asked: 1,
  },
  {
    fault: 'an index that calls itself an image',
    when: getStaging,
    answer: (serve) => {
      const body = Buffer.from(`${serve().body}`.replace('image.index.v1', 'image.manifest.v1'));
      return withHeaders(
        { ...serve(), body },
        { 'content-type': 'application/vnd.oci.image.manifest.v1+json', 'docker-content-digest': undefined },
      );
    },
    ends: 'integrity',
    says: 'its bytes are an index',
    asked: 1,
  },
];
