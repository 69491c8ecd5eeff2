import { type Repository, stagingTag } from '../contract/image.js';
import type { TagState } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import type { Sha } from '../contract/sha.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { readRevision } from '../registry/read-revision.js';
import { requireChildren } from '../registry/require-children.js';
import { observeLatest } from './observe.js';

/**
 * Pins the digest of every image of a build, and notes which commit each says it is, and where `:latest` stands.
 * @param known by these digests instead of by the tag, which may have been pushed again or cleaned away.
 * @throws {RegistryError} `not-found`, naming the image, or the manifest that it is made of.
 */
export function resolveBuild(
  registry: Registry,
  sha: Sha,
  repositories: Repository[],
  signal?: AbortSignal,
  known: TagState[] = [],
): Promise<PinnedImage[]> {
  const knownDigest = (repository: Repository) => known.find((one) => one.repository === repository)?.digest;
  return Promise.all(
    repositories.map(async (repository) => {
      const manifest = await getManifest(registry, repository, knownDigest(repository) ?? stagingTag(sha), signal);
      await requireChildren(registry, manifest, signal);
      const [[stands], revision] = await Promise.all([
        observeLatest(registry, [repository], { signal, tolerant: true }),
        readRevision(registry, manifest, signal),
      ]);
      const pinned: PinnedImage = { repository, digest: manifest.digest, latest: stands?.digest ?? null };
      return revision === null ? pinned : { ...pinned, revision };
    }),
  );
}
