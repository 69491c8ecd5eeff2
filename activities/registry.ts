import { cancellationSignal } from '@temporalio/activity';
import { type Digest, type Repository, stagingTag } from '../src/domain/image.js';
import type { Left } from '../src/domain/lane/state.js';
import type { PinnedImage } from '../src/domain/release.js';
import type { Sha } from '../src/domain/sha.js';
import { resolveBuild } from '../src/move/resolve-build.js';
import { readTag } from '../src/registry/read-tag.js';
import type { Registry } from '../src/registry/registry.js';
import { beating } from './beating.js';

export function createRegistryActivities(registry: Registry) {
  return {
    /** Pins the digest of every image of a build. */
    resolveBuild: (sha: Sha, repositories: Repository[], known: Left[] = []): Promise<PinnedImage[]> =>
      beating(() => resolveBuild(registry, sha, repositories, cancellationSignal(), known)),

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
