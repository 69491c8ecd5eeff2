import { cancellationSignal } from '@temporalio/activity';
import { type Digest, type Repository, stagingTag } from '../src/domain/image.js';
import type { PinnedImage } from '../src/domain/release.js';
import type { Sha } from '../src/domain/sha.js';
import { observeLatest } from '../src/move/observe.js';
import { getManifest } from '../src/registry/get-manifest.js';
import { readRevision } from '../src/registry/read-revision.js';
import { readTag } from '../src/registry/read-tag.js';
import type { Registry } from '../src/registry/registry.js';
import { requireChildren } from '../src/registry/require-children.js';
import { beating } from './beating.js';

export function createRegistryActivities(registry: Registry) {
  return {
    /** Pins the digest of every image of a build, and notes which commit each says it is, and where `:latest` stands. */
    async resolveBuild(sha: Sha, repositories: Repository[]): Promise<PinnedImage[]> {
      const signal = cancellationSignal();
      return beating(() =>
        Promise.all(
          repositories.map(async (repository) => {
            const manifest = await getManifest(registry, repository, stagingTag(sha), signal);
            await requireChildren(registry, manifest, signal);
            const [[stands], revision] = await Promise.all([
              observeLatest(registry, [repository], { signal, tolerant: true }),
              readRevision(registry, manifest, signal),
            ]);
            const pinned: PinnedImage = { repository, digest: manifest.digest, latest: stands?.digest ?? null };
            return revision === null ? pinned : { ...pinned, revision };
          }),
        ),
      );
    },

    /** Where the build's tag points by now, for each image. */
    async readBuildTags(sha: Sha, repositories: Repository[]): Promise<(Digest | null)[]> {
      return beating(() =>
        Promise.all(
          repositories.map((repository) => readTag(registry, repository, stagingTag(sha), cancellationSignal())),
        ),
      );
    },
  };
}
