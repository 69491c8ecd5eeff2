import { type Repository, stagingTag } from '../contract/image.js';
import { digestOf, type TagState } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import type { Sha } from '../contract/sha.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { readRevision } from '../registry/read-revision.js';
import { missingChildren, requireChildren } from '../registry/require-children.js';
import { observeLatest } from './observe.js';

/**
 * Pins the digest of every image of a build, with the commit that it names and the digest of `:latest`.
 * @param options.known digests to read instead of the tag, which may have been pushed again or removed.
 * @param options.incomplete whether missing manifests of an index are named in the result instead of failing.
 * @throws {RegistryError} `not-found`, naming the image or the missing manifest.
 */
export function resolveBuild(
  registry: Registry,
  sha: Sha,
  repositories: Repository[],
  signal?: AbortSignal,
  { known = [], incomplete = false }: { known?: TagState[]; incomplete?: boolean } = {},
): Promise<PinnedImage[]> {
  return Promise.all(
    repositories.map(async (repository) => {
      const manifest = await getManifest(registry, repository, digestOf(known, repository) ?? stagingTag(sha), signal);
      if (!incomplete) await requireChildren(registry, manifest, signal);
      const gone = incomplete ? await missingChildren(registry, manifest, signal) : [];
      const missing = gone.map((digest) => ({
        digest,
        of: manifest.attestations.includes(digest) ? ('attestation' as const) : ('platform' as const),
      }));
      const [latest, revision] = await Promise.all([
        observeLatest(registry, [repository], { signal, tolerant: true }),
        readRevision(registry, manifest, signal),
      ]);
      return {
        repository,
        digest: manifest.digest,
        latest: digestOf(latest, repository),
        ...(revision !== null && { revision }),
        ...(missing.length > 0 && { missing }),
      };
    }),
  );
}
