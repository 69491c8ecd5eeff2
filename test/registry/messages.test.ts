import { afterAll, expect, test } from 'vitest';
import { parseRepository } from '../../src/contract/image.js';
import { createRegistry } from '../../src/registry/registry.js';
import { endpointOf } from '../../src/registry/transport/endpoint.js';
import { type Failed, refusal } from '../../src/registry/transport/error-from-response.js';
import type { RegistryErrorKind } from '../../src/registry/transport/errors.js';

const registry = createRegistry();
afterAll(() => registry.close());

interface Given {
  repository?: string;
  method?: Failed['method'];
  for?: 'token';
  hadCredentials?: boolean;
  status: number;
  body?: string;
  headers?: Record<string, string>;
}
const errors = (code: string, message?: string, detail?: unknown) =>
  JSON.stringify({ errors: [{ code, message, detail }] });
const NO_IMAGE_OR_NO_ACCESS = 'ghcr.io answers so for "no such image" and for "no access": check the name, then';

/** Answers of real registries, and the kind and message that they give. */
const ANSWERS: [what: string, given: Given, kind: RegistryErrorKind, says: string][] = [
  [
    'GHCR, an unknown or private package, anonymous',
    { for: 'token', hadCredentials: false, status: 401, body: errors('UNAUTHORIZED', 'authentication required') },
    'unauthorized',
    `status 401 UNAUTHORIZED: authentication required (${NO_IMAGE_OR_NO_ACCESS} set GITHUB_TOKEN, no credentials were sent)`,
  ],
  [
    'GHCR, a bad token',
    { for: 'token', hadCredentials: true, status: 403, body: errors('DENIED', 'denied') },
    'denied',
    `status 403 DENIED: denied (${NO_IMAGE_OR_NO_ACCESS} GITHUB_TOKEN (an invalid one is refused even for public images; it needs write:packages))`,
  ],
  [
    'GHCR, no right to write',
    { method: 'PUT', hadCredentials: true, status: 403, body: errors('DENIED', 'permission_denied: write_package') },
    'denied',
    'DENIED: permission_denied: write_package (give the token packages: write, and this repository the role Write under "Manage Actions access" in the package\'s settings)',
  ],
  [
    'an expired token',
    {
      repository: 'quay.io/a/b',
      hadCredentials: true,
      status: 401,
      body: errors('UNAUTHORIZED', 'access token has expired'),
    },
    'unauthorized',
    'access token has expired (the token is expired or revoked: create a new one)',
  ],
  [
    "a token server's own form",
    {
      repository: 'quay.io/a/b',
      for: 'token',
      hadCredentials: true,
      status: 400,
      body: '{"error":"invalid_request","error_description":"bad scope"}',
    },
    'rejected',
    'status 400 invalid_request: bad scope',
  ],
  [
    "Docker Hub's own form",
    {
      repository: 'docker.io/a/b',
      for: 'token',
      hadCredentials: true,
      status: 401,
      body: '{"details":"incorrect username or password"}',
    },
    'unauthorized',
    'incorrect username or password (the credentials for index.docker.io are wrong or expired: log in again)',
  ],
  [
    'anonymous, where a login is required',
    { repository: 'reg.example/a', hadCredentials: false, status: 401 },
    'unauthorized',
    'status 401: no message (no credentials for reg.example: log in with docker login, or set DOCKER_AUTH_CONFIG)',
  ],
  [
    'a reader who writes',
    {
      repository: 'reg.example/a',
      method: 'PUT',
      hadCredentials: true,
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="x",error="insufficient_scope"' },
    },
    'denied',
    '(insufficient_scope) (these credentials may not write: get push access at reg.example)',
  ],
  [
    'a reader who may not read',
    { repository: 'reg.example/a', hadCredentials: true, status: 403 },
    'denied',
    '(these credentials may not read: get access at reg.example)',
  ],
  [
    'an incomplete name',
    {
      repository: 'reg.example/a',
      status: 404,
      body: errors('NAME_UNKNOWN', 'repository name not known to registry', { name: 'a' }),
    },
    'not-found',
    'NAME_UNKNOWN: repository name not known to registry {"name":"a"} (check the name: expected reg.example/OWNER/IMAGE)',
  ],
  [
    'no such tag',
    { status: 404, body: errors('MANIFEST_UNKNOWN', 'manifest unknown', 'unknown tag=x') },
    'not-found',
    'status 404 MANIFEST_UNKNOWN: manifest unknown unknown tag=x (was it published under this tag, or removed since?)',
  ],
  [
    'a page of plain text',
    { status: 404, body: '404 page not found\n' },
    'not-found',
    'status 404: 404 page not found',
  ],
  [
    'a missing child',
    { method: 'PUT', status: 400, body: errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown') },
    'rejected',
    '(a part of the image is missing: push the build again)',
  ],
  [
    'ECR, an immutable tag',
    {
      method: 'PUT',
      status: 400,
      body: errors('TAG_INVALID', 'The image tag already exists and the repository is immutable'),
    },
    'tag-immutable',
    '(the registry does not let this tag move: exempt it from tag immutability)',
  ],
  ['412 to a request without a condition', { method: 'PUT', status: 412 }, 'rejected', 'status 412: no message'],
  [
    'too large',
    { method: 'PUT', status: 413 },
    'rejected',
    '(the request is too large for the registry, or for a proxy before it',
  ],
  ['415', { method: 'PUT', status: 415 }, 'rejected', 'status 415'],
  [
    'too many, under another status',
    { status: 403, body: errors('TOOMANYREQUESTS', 'retry-after: 2s, allowed: 1/minute') },
    'transient',
    'TOOMANYREQUESTS: retry-after: 2s',
  ],
  ...([408, 429, 499, 500, 502, 503, 504, 522] as const).map((status): [string, Given, RegistryErrorKind, string] => [
    `status ${status}`,
    { status },
    'transient',
    `status ${status}: no message`,
  ]),
  ['an invalid code', { status: 400, body: errors('no code at all\n', 'words') }, 'rejected', 'status 400: words'],
];

test.each(ANSWERS)('%s', (_what, given, kind, says) => {
  const endpoint = endpointOf(parseRepository(given.repository ?? 'ghcr.io/molecule-ai/platform'), []);
  const method = given.method ?? 'GET';
  const url = new URL(`https://user:pass@reg.example/v2/x/manifests/y?scope=secret#z`);
  const { hadCredentials } = given;
  const failed: Failed = {
    method,
    url,
    endpoint,
    ...(hadCredentials !== undefined && { hadCredentials }),
    ...(given.for && { for: given.for }),
  };
  const error = refusal(registry, failed, {
    status: given.status,
    headers: given.headers ?? {},
    body: Buffer.from(given.body ?? ''),
    latencyMs: 1,
  });
  expect(error.kind).toBe(kind);
  expect(error.message).toContain(`${method} https://reg.example/v2/x/manifests/y: status ${given.status}`);
  expect(error.message).toContain(says);
  expect(error.message).not.toMatch(/user:pass|scope=secret|\n/);
  expect(error).toMatchObject({ method, url: 'https://reg.example/v2/x/manifests/y', status: given.status });
});
