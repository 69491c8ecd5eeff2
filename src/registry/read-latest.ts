import { buildOfTag, type Digest, isDigest, type Repository, stagingTag, type Tag } from '../contract/image.js';
import { digestOf, type RecordedImage, type TagState } from '../contract/move.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import type { Registry } from './context.js';
import { ACCEPT, getManifest } from './get-manifest.js';
import { listTags } from './list-tags.js';
import { readRevision } from './read-revision.js';
import { readTag } from './read-tag.js';
import { RegistryError } from './transport/errors.js';
import { request } from './transport/request.js';

/** Where `:latest` of all images points. */
export interface Latest {
  images: RecordedImage[];
  /** Build that it is: by the label of every image, else by a tag of a build that is at every image; null if neither names one. */
  sha: Sha | null;
  /** Why the tags name none, or why that is not certain; null if there is nothing to add. */
  why: string | null;
}

/** Most tags of builds that are looked at, and at a time. */
const MAX_LOOKS = 2_000;
const AT_A_TIME = 16;

/** Image as `:latest` has it. */
interface Found {
  repository: Repository;
  digest: Digest | null;
  /** Commit of its label. */
  revision: string | null;
}

/** Reads `:latest` of all images, and finds the build that it is. An `optional` image may be one of an earlier build.
 * @throws {RegistryError} if `:latest` cannot be read; a failure to find its build is `why`. */
export async function readLatest(
  registry: Registry,
  repositories: readonly Repository[],
  optional: readonly Repository[] = [],
  signal?: AbortSignal,
): Promise<Latest> {
  const found = await Promise.all(
    repositories.map(async (repository): Promise<Found> => {
      const manifest = await getManifest(registry, repository, registry.latest, signal).catch((error: unknown) => {
        if (error instanceof RegistryError && error.kind === 'not-found') return null;
        throw error;
      });
      const revision = manifest && (await readRevision(registry, manifest, signal));
      return { repository, digest: manifest?.digest ?? null, revision };
    }),
  );
  const required = found.filter(({ repository }) => !optional.includes(repository));
  const deciding = required.length > 0 ? required : found;
  const { sha, why } = await nameOf(registry, deciding, signal);
  const isUnchanged = ({ repository, digest, revision }: Found) =>
    sha !== null && digest !== null && optional.includes(repository) && !(revision && sameBuild(revision, sha));
  const images = found.map((image) => ({
    repository: image.repository,
    digest: image.digest,
    ...(isUnchanged(image) && { unchanged: true as const }),
  }));
  return { images, sha, why };
}

async function nameOf(registry: Registry, images: Found[], signal?: AbortSignal): Promise<Pick<Latest, 'sha' | 'why'>> {
  const named = images[0]?.revision ?? null;
  if (named !== null && images.every(({ revision }) => revision !== null && sameBuild(revision, named)))
    return { sha: named as Sha, why: null };
  if (images.some(({ digest }) => digest === null)) return { sha: null, why: null };
  try {
    return await nameByTags(registry, images, signal);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { sha: null, why: `the tags of builds could not be read: ${error.message}` };
  }
}

/** The build whose tag is at the digest of every image. */
async function nameByTags(
  registry: Registry,
  images: Found[],
  signal?: AbortSignal,
): Promise<Pick<Latest, 'sha' | 'why'>> {
  const [first] = images;
  if (first === undefined) return { sha: null, why: null };
  const { tags, isWhole } = await listTags(registry, first.repository, signal);
  const all = tags.flatMap((tag) => buildOfTag(tag) ?? []);
  const looked = all.slice(0, MAX_LOOKS);
  const candidates: Sha[] = [];
  const rest = [...looked];
  const look = async () => {
    for (let sha = rest.shift(); sha !== undefined; sha = rest.shift())
      if ((await hintOf(registry, first.repository, stagingTag(sha), signal)) === first.digest) candidates.push(sha);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, look));
  const builds: Sha[] = [];
  for (const sha of candidates.sort()) if (await isAt(registry, sha, images, signal)) builds.push(sha);
  const [sha = null, other] = builds;
  // The digests are the same, so either is right about what runs; none is right about which came first.
  if (other !== undefined) return { sha: null, why: `it is more than one build: ${builds.join(', ')}` };
  const isCut = !isWhole || looked.length < all.length;
  return { sha, why: sha === null && isCut ? `only the first ${looked.length} tags of builds were looked at` : null };
}

/** Digest of a tag as a HEAD names it, which is believed only to leave a tag out; by GET where the HEAD names none. */
async function hintOf(
  registry: Registry,
  repository: Repository,
  tag: Tag,
  signal?: AbortSignal,
): Promise<Digest | null> {
  const path = `manifests/${tag}`;
  const head = { method: 'HEAD', repository, path, headers: { accept: ACCEPT }, actions: 'pull' } as const;
  const answer = await request(registry, head, signal).catch((error: unknown) => {
    if (error instanceof RegistryError && error.kind !== 'transient') return null;
    throw error;
  });
  const named = answer?.headers['docker-content-digest'];
  return isDigest(named) ? named : readTag(registry, repository, tag, signal);
}

async function isAt(registry: Registry, sha: Sha, images: Found[], signal?: AbortSignal): Promise<boolean> {
  const tags = await Promise.all(
    images.map(async ({ repository }): Promise<TagState> => {
      return { repository, digest: await readTag(registry, repository, stagingTag(sha), signal) };
    }),
  );
  return images.every(({ repository, digest }) => digestOf(tags, repository) === digest);
}
