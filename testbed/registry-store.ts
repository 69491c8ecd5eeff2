import { createHash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface ServeOptions {
  /** Serves tags as of that time (ms since the epoch): a registry that lags behind its own writes. */
  readonly asOf?: number;
}

interface Manifest {
  readonly body: Buffer;
  readonly mediaType: string;
}

/** Content of one repository; tags keep their history. */
class Repository {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Manifest>();
  readonly tags = new Map<string, { readonly at: number; readonly digest: string }[]>();
  readonly uploads = new Map<string, Buffer>();

  digestOf(reference: string, asOf: number): string | undefined {
    if (isDigest(reference)) return reference;
    return this.tags.get(reference)?.findLast(({ at }) => at <= asOf)?.digest;
  }
}

const NAME = '[a-z0-9]+(?:[._/-]+[a-z0-9]+)*';
const MANIFEST = new RegExp(`^/v2/(${NAME})/manifests/([^/]+)$`);
const BLOB = new RegExp(`^/v2/(${NAME})/blobs/(sha256:[0-9a-f]{64})$`);
const UPLOAD = new RegExp(`^/v2/(${NAME})/blobs/uploads/([^/]*)$`);
const TAGS = new RegExp(`^/v2/(${NAME})/tags/list$`);

/** OCI distribution API without the network: answers a request; undefined if it does not implement it. */
export class RegistryStore {
  private readonly repositories = new Map<string, Repository>();

  serve(request: RegistryRequest, { asOf = Number.POSITIVE_INFINITY }: ServeOptions = {}): Answer | undefined {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (request.path === '/v2/' && isRead) return json(200, {});
    for (const [pattern, serve] of [
      [MANIFEST, isRead ? readManifest(asOf) : request.method === 'PUT' ? putManifest : undefined],
      [BLOB, isRead ? readBlob : undefined],
      [UPLOAD, uploads[request.method]],
      [TAGS, request.method === 'GET' ? listTags(asOf) : undefined],
    ] as const) {
      const [, name, reference] = pattern.exec(request.path) ?? [];
      if (name !== undefined) return serve?.({ name, reference: reference ?? '', request, repository: this.at(name) });
    }
    return undefined;
  }

  private at(name: string): Repository {
    const repository = this.repositories.get(name) ?? new Repository();
    this.repositories.set(name, repository);
    return repository;
  }
}

interface Exchange {
  readonly name: string;
  /** A tag, a digest or the id of an upload. */
  readonly reference: string;
  readonly request: RegistryRequest;
  readonly repository: Repository;
}

type Verb = (exchange: Exchange) => Answer;

function readManifest(asOf: number): Verb {
  return ({ reference, repository }) => {
    const digest = repository.digestOf(reference, asOf);
    const manifest = digest === undefined ? undefined : repository.manifests.get(digest);
    if (digest === undefined || manifest === undefined) return ociError(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    const headers = { 'content-type': manifest.mediaType, 'docker-content-digest': digest, etag: `"${digest}"` };
    return { status: 200, headers, body: manifest.body };
  };
}

const putManifest: Verb = ({ name, reference, request, repository }) => {
  const { body } = request;
  const parsed = parse(body);
  const mediaType = request.headers['content-type'];
  if (parsed === undefined || mediaType === undefined) return ociError(400, 'MANIFEST_INVALID', 'no manifest');
  if (parsed.mediaType !== undefined && parsed.mediaType !== mediaType) {
    return ociError(400, 'MANIFEST_INVALID', `Content-Type says ${mediaType}, the manifest ${parsed.mediaType}`);
  }
  const digest = digestOf(body);
  if (isDigest(reference) && reference !== digest) return ociError(400, 'DIGEST_INVALID', `these bytes are ${digest}`);
  const unknown = [
    ...(parsed.manifests ?? []).filter((child) => !repository.manifests.has(child.digest)),
    ...[...(parsed.layers ?? []), ...(parsed.config ? [parsed.config] : [])].filter(
      (blob) => !repository.blobs.has(blob.digest),
    ),
  ];
  if (unknown[0]) return ociError(400, 'MANIFEST_BLOB_UNKNOWN', `${unknown[0].digest} is not in ${name}`);
  repository.manifests.set(digest, { body, mediaType });
  if (!isDigest(reference)) {
    const past = repository.tags.get(reference) ?? [];
    repository.tags.set(reference, [...past, { at: Date.now(), digest }]);
  }
  return created(`/v2/${name}/manifests/${digest}`, digest);
};

const readBlob: Verb = ({ reference, repository }) => {
  const body = repository.blobs.get(reference);
  if (body === undefined) return ociError(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': reference };
  return { status: 200, headers, body };
};

/** POST opens an upload, or is one with `?digest=`; PATCH adds to it; PUT adds what is left and closes it; DELETE cancels it. */
const uploads: Record<string, Verb | undefined> = {
  POST: (exchange) => {
    const digest = exchange.request.query.get('digest');
    if (digest !== null) return closeUpload(exchange, digest, exchange.request.body);
    const id = randomUUID();
    exchange.repository.uploads.set(id, Buffer.alloc(0));
    return uploadAt(exchange.name, id, 0);
  },
  PATCH: ({ name, reference, request, repository }) => {
    const before = repository.uploads.get(reference);
    if (before === undefined) return ociError(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    const now = Buffer.concat([before, request.body]);
    repository.uploads.set(reference, now);
    return uploadAt(name, reference, now.length);
  },
  PUT: (exchange) => {
    const before = exchange.repository.uploads.get(exchange.reference);
    if (before === undefined) return ociError(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    const digest = exchange.request.query.get('digest') ?? '';
    return closeUpload(exchange, digest, Buffer.concat([before, exchange.request.body]));
  },
  DELETE: ({ reference, repository }) =>
    repository.uploads.delete(reference)
      ? { status: 204, headers: {} }
      : ociError(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry'),
};

function closeUpload({ name, reference, repository }: Exchange, digest: string, body: Buffer): Answer {
  if (digestOf(body) !== digest) return ociError(400, 'DIGEST_INVALID', `these bytes are ${digestOf(body)}`);
  repository.uploads.delete(reference);
  repository.blobs.set(digest, body);
  return created(`/v2/${name}/blobs/${digest}`, digest);
}

function uploadAt(name: string, id: string, length: number): Answer {
  return {
    status: 202,
    headers: { location: `/v2/${name}/blobs/uploads/${id}`, range: `0-${Math.max(0, length - 1)}` },
  };
}

/** Lists tags, in pages if the query has `n`; a Link header names the next page. */
function listTags(asOf: number): Verb {
  return ({ name, request, repository }) => {
    const last = request.query.get('last') ?? '';
    const tags = [...repository.tags.keys()].filter((tag) => tag > last && repository.digestOf(tag, asOf)).sort();
    if (repository.manifests.size === 0) return ociError(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    const page = tags.slice(0, Number(request.query.get('n') ?? tags.length));
    const next = `</v2/${name}/tags/list?n=${page.length}&last=${page.at(-1)}>; rel="next"`;
    return json(200, { name, tags: page }, page.length < tags.length && page.length > 0 ? { link: next } : {});
  };
}

/** Error body of the OCI specification. */
export function ociError(status: number, code: string, message: string, headers: Record<string, string> = {}): Answer {
  return json(status, { errors: [{ code, message, detail: null }] }, headers);
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function created(location: string, digest: string): Answer {
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

interface ManifestShape {
  readonly mediaType?: string;
  readonly manifests?: readonly { readonly digest: string }[];
  readonly layers?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
}

function parse(body: Buffer): ManifestShape | undefined {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function isDigest(reference: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(reference);
}
