import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Digest, isDigest, type Repository, type Tag } from '../domain/image.js';
import { RegistryError } from './errors.js';
import { ask, type Registry } from './request.js';

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

// All four in one header: a registry that misses the type it has in store answers 404, or worse, a child (registry.md section 6).
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const body = z.object({
  mediaType: z.string().optional(),
  manifests: z.array(z.object({ digest: z.string().refine(isDigest) })).optional(),
});

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** Reads a manifest by tag or digest. Its digest is computed, and has to be the one that was asked for or told.
 * @throws {RegistryError} */
export async function getManifest(
  registry: Registry,
  repository: Repository,
  reference: Tag | Digest,
  signal?: AbortSignal,
): Promise<Manifest> {
  const answer = await ask(registry, {
    method: 'GET',
    repository,
    path: `manifests/${reference}`,
    headers: { accept: ACCEPT.join(', ') },
    signal,
  });
  const bad = (why: string) => new RegistryError('integrity', `${repository}, manifest ${reference}: ${why}`);
  const digest = digestOf(answer.body);
  const told = answer.headers['docker-content-digest'];
  if (told !== undefined && told !== digest) throw bad(`the registry calls it ${told}, its bytes are ${digest}`);
  if (isDigest(reference) && reference !== digest) throw bad(`its bytes are ${digest}`);
  const mediaType =
    String(answer.headers['content-type'] ?? '')
      .split(';')[0]
      ?.trim() ?? '';
  if (!ACCEPT.includes(mediaType)) throw bad(`media type ${mediaType || 'none'} is not an image's`);
  const parsed = body.safeParse(parseJson(answer.body));
  if (!parsed.success) throw bad('its bytes are not a manifest');
  if (parsed.data.mediaType !== undefined && parsed.data.mediaType !== mediaType)
    throw bad(`sent as ${mediaType}, but says it is ${parsed.data.mediaType}`);
  const children = parsed.data.manifests?.map((child) => child.digest as Digest) ?? [];
  return { repository, digest, mediaType, bytes: answer.body, children };
}

/** Where a tag points, by its bytes; null when there is no such tag.
 * @throws {RegistryError} */
export async function readTag(
  registry: Registry,
  repository: Repository,
  tag: Tag,
  signal?: AbortSignal,
): Promise<Digest | null> {
  try {
    return (await getManifest(registry, repository, tag, signal)).digest;
  } catch (error) {
    if (error instanceof RegistryError && error.kind === 'not-found') return null;
    throw error;
  }
}

/** Makes sure that every manifest an index points at is there.
 * @throws {RegistryError} naming the child that is not. */
export async function requireChildren(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  await Promise.all(
    manifest.children.map((child) =>
      ask(registry, {
        method: 'HEAD',
        repository: manifest.repository,
        path: `manifests/${child}`,
        headers: { accept: ACCEPT.join(', ') },
        signal,
      }),
    ),
  );
}

/** Points a tag at a manifest by putting back the very bytes that were read.
 * @throws {RegistryError} */
export async function putTag(registry: Registry, manifest: Manifest, tag: Tag, signal?: AbortSignal): Promise<void> {
  const answer = await ask(registry, {
    method: 'PUT',
    repository: manifest.repository,
    path: `manifests/${tag}`,
    headers: { 'content-type': manifest.mediaType },
    body: manifest.bytes,
    signal,
  });
  const told = answer.headers['docker-content-digest'];
  if (told !== undefined && told !== manifest.digest)
    throw new RegistryError(
      'integrity',
      `${manifest.repository}:${tag} was put as ${manifest.digest}, the registry says ${told}`,
    );
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
