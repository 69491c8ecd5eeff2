import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type Digest, isDigest, type Repository, type Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import { parseJson } from '../net/redact.js';
import type { Manifest, Registry } from './context.js';
import { RegistryError } from './transport/errors.js';
import { type RegistryAnswer, request } from './transport/request.js';

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const IMAGES = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
/** Manifests from before 2016: without a digest of their own, without a list of platforms. */
const SCHEMA_1 = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** All media types in one header: a registry that misses the type it stores answers 404 or, worse, with a child. */
export const ACCEPT = [...INDEXES, ...IMAGES].join(', ');

/** Upper limit of an index's platforms and attestations; no build has as many. */
const MAX_CHILDREN = 256;

const body = z.looseObject({
  // Go reads null as if the field was missing.
  mediaType: z.string().nullish(),
  manifests: z
    .array(
      z.looseObject({
        digest: z.string().refine(isDigest),
        platform: z.looseObject({ architecture: z.string(), os: z.string() }).optional().catch(undefined),
      }),
    )
    .nullish(),
  layers: z.unknown().optional(),
});

/** Media types that say nothing about a manifest. */
const GENERIC = ['', 'application/octet-stream', 'application/json'];

/**
 * Reads a manifest by tag or digest. Its digest is computed, and must equal the requested one and the registry's own. A tag
 * is always requested; bytes that were read before under their digest come from the cache.
 * @throws {RegistryError}
 */
export async function getManifest(
  registry: Registry,
  repository: Repository,
  reference: Tag | Digest,
  signal?: AbortSignal,
): Promise<Manifest> {
  signal?.throwIfAborted();
  const known = isDigest(reference) ? registry.manifests.get(repository, reference) : undefined;
  if (known) return known;
  const read = () => fetchManifest(registry, repository, reference, signal);
  // A second request by digest may deliver intact bytes; a tag's wrong answer is final.
  return read().catch((error: unknown) => {
    if (isDigest(reference) && error instanceof RegistryError && error.kind === 'integrity') return read();
    throw error;
  });
}

export function computeDigest(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** Reads a manifest, also one that is in the cache.
 * @throws {RegistryError} */
export async function fetchManifest(
  registry: Registry,
  repository: Repository,
  reference: Tag | Digest,
  signal?: AbortSignal,
): Promise<Manifest> {
  const answer = await request(
    registry,
    { method: 'GET', repository, path: `manifests/${reference}`, headers: { accept: ACCEPT }, actions: 'pull' },
    signal,
  );
  const manifest = check(answer, repository, reference);
  registry.manifests.add(manifest);
  return manifest;
}

function check(answer: RegistryAnswer, repository: Repository, reference: Tag | Digest): Manifest {
  const bad = (why: string, kind: 'integrity' | 'rejected' = 'integrity') =>
    new RegistryError(kind, `${repository}, manifest ${reference}: ${why}`, {
      method: 'GET',
      url: `${answer.url.origin}${answer.url.pathname}`,
      status: answer.status,
    });
  if (answer.status !== 200) throw bad(`answered with status ${answer.status}, not 200`);
  const coding = answer.headers['content-encoding'];
  if (coding !== undefined) throw bad(`sent in the unknown encoding ${JSON.stringify(String(coding).slice(0, 40))}`);
  const digest = computeDigest(answer.body);
  const named = otherDigest(answer, digest);
  if (named !== null) throw bad(`the registry names digest ${named}, its bytes are ${digest}`);
  if (isDigest(reference) && reference !== digest) throw bad(`its bytes are ${digest}`);
  const sentAs = mediaTypeOf(answer.headers['content-type']);
  const parsed = body.safeParse(parseJson(answer.body));
  // A proxy, or a registry that keeps plain files, names no type of its own: then the bytes do.
  const mediaType = GENERIC.includes(sentAs) ? mediaTypeOf(parsed.data?.mediaType ?? undefined) || sentAs : sentAs;
  if (SCHEMA_1.includes(mediaType))
    throw bad('is of the obsolete schema 1 (push it again with a current builder)', 'rejected');
  const isElsewhere = answer.from.href !== answer.url.href;
  if (mediaType === 'text/html' && isElsewhere)
    throw bad(
      `redirected to ${redacted(answer.from)}, which answers with a page (is that a login, as of SSO? let this client pass without one)`,
    );
  if (!INDEXES.includes(mediaType) && !IMAGES.includes(mediaType))
    throw bad(`invalid media type ${JSON.stringify(mediaType.slice(0, 80))}: expected an image or an index`);
  if (!parsed.success) throw bad('its bytes are not a manifest');
  const { manifests, layers } = parsed.data;
  if (manifests && manifests.length > MAX_CHILDREN)
    throw bad(`an index of ${manifests.length} manifests: expected at most ${MAX_CHILDREN}`, 'rejected');
  if (typeof parsed.data.mediaType === 'string' && mediaTypeOf(parsed.data.mediaType) !== mediaType)
    throw bad(`sent as ${mediaType}, but says it is ${JSON.stringify(parsed.data.mediaType.slice(0, 80))}`);
  // A document that some clients read as an index and others as an image is an attack (CVE-2021-41190).
  if (INDEXES.includes(mediaType) ? !manifests || (layers !== undefined && layers !== null) : manifests)
    throw bad(`sent as ${mediaType}, but its bytes are ${contentOf(manifests, layers)}`);
  const children = [...new Set(manifests?.map((child) => child.digest as Digest))];
  // BuildKit gives provenance and SBOM this platform; no machine pulls them.
  const isAttestation = ({ platform }: { platform?: { architecture: string; os: string } | undefined }) =>
    platform?.architecture === 'unknown' && platform.os === 'unknown';
  const attestations = manifests?.filter(isAttestation).map((child) => child.digest as Digest) ?? [];
  return { repository, digest, mediaType, bytes: answer.body, children, attestations };
}

/** What a document is by its fields, for people. */
function contentOf(manifests: unknown, layers: unknown): string {
  const isImage = layers !== undefined && layers !== null;
  if (manifests) return isImage ? 'an index and an image at once' : 'an index';
  return isImage ? 'an image' : 'neither an index nor an image';
}

/** The digest that an answer names if it is another one, for people; null if it names none, or this one however often: proxies repeat headers, and some registries quote it. */
export function otherDigest({ headers }: Pick<RegistryAnswer, 'headers'>, digest: Digest): string | null {
  const named = [headers['docker-content-digest'] ?? []].flat().flatMap((value) => value.split(','));
  const other = named
    .map((value) => value.trim().replace(/^"(.*)"$/, '$1'))
    .find((value) => value !== '' && value !== digest);
  if (other === undefined) return null;
  return isDigest(other) ? other : 'that is not a digest';
}

/** Media type without its parameters, in lower case; empty if there is none. */
function mediaTypeOf(header: string | string[] | undefined): string {
  return String([header ?? ''].flat()[0])
    .split(';', 1)
    .join('')
    .trim()
    .toLowerCase();
}
