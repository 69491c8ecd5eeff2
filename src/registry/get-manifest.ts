import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Digest, isDigest, type Repository, type Tag } from '../contract/image.js';
import type { Manifest, Registry } from './context.js';
import { ACCEPT, IMAGES, INDEXES, mediaTypeOf, SCHEMA_1 } from './media-types.js';
import { RegistryError } from './transport/errors.js';
import { parseJson } from './transport/json.js';
import { ask, type RegistryAnswer } from './transport/request.js';

/** More platforms and attestations than any build has. */
const MAX_CHILDREN = 256;

const body = z.looseObject({
  mediaType: z.string().optional(),
  manifests: z
    .array(z.looseObject({ digest: z.string().refine(isDigest) }))
    .max(MAX_CHILDREN)
    .optional(),
  layers: z.unknown().optional(),
});

/**
 * Reads a manifest by tag or digest. Its digest is computed, and has to be the one that was asked for or told. A tag is always asked for; bytes that were
 * read before under their digest are given again.
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
  // By digest, what came damaged may come whole the next time. A tag that lies is not asked twice.
  return read().catch((error: unknown) => {
    if (isDigest(reference) && error instanceof RegistryError && error.kind === 'integrity') return read();
    throw error;
  });
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

async function fetchManifest(
  registry: Registry,
  repository: Repository,
  reference: Tag | Digest,
  signal?: AbortSignal,
): Promise<Manifest> {
  const answer = await ask(
    registry,
    { method: 'GET', repository, path: `manifests/${reference}`, headers: { accept: ACCEPT }, actions: 'pull' },
    signal,
  );
  const manifest = check(answer, repository, reference);
  registry.manifests.add(manifest);
  if (!isDigest(reference)) {
    const { etag } = answer.headers;
    // A weak one says "much the same", which is not enough to write by.
    const strong = typeof etag === 'string' && /^"[\x21\x23-\x7e]{1,200}"$/.test(etag);
    registry.manifests.sawEtag(repository, reference, strong ? { digest: manifest.digest, etag } : null);
  }
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
  if (coding !== undefined && coding !== 'identity') throw bad('sent compressed, which nobody asked for');
  const digest = digestOf(answer.body);
  const told = answer.headers['docker-content-digest'];
  if (told !== undefined && told !== digest)
    throw bad(`the registry calls it ${shownDigest(told)}, its bytes are ${digest}`);
  if (isDigest(reference) && reference !== digest) throw bad(`its bytes are ${digest}`);
  const mediaType = mediaTypeOf(answer.headers['content-type']);
  if (SCHEMA_1.includes(mediaType))
    throw bad('is of schema 1, which nobody should run any more: push it again with a current builder', 'rejected');
  if (!INDEXES.includes(mediaType) && !IMAGES.includes(mediaType))
    throw bad(`media type ${JSON.stringify(mediaType.slice(0, 80)) || 'none'} is not an image's`);
  const parsed = body.safeParse(parseJson(answer.body));
  if (!parsed.success) throw bad('its bytes are not a manifest');
  const { manifests, layers } = parsed.data;
  if (parsed.data.mediaType !== undefined && mediaTypeOf(parsed.data.mediaType) !== mediaType)
    throw bad(`sent as ${mediaType}, but says it is ${JSON.stringify(parsed.data.mediaType.slice(0, 80))}`);
  // One document that is an index to some and an image to others is an attack (CVE-2021-41190).
  if (INDEXES.includes(mediaType) ? !manifests || layers !== undefined : manifests)
    throw bad(`sent as ${mediaType}, but its bytes are ${manifests ? 'an index' : 'an image'}`);
  const children = [...new Set(manifests?.map((child) => child.digest as Digest))];
  return { repository, digest, mediaType, bytes: answer.body, children };
}

const shownDigest = (told: string | string[]) => (isDigest(told) ? told : 'something that is no digest');
