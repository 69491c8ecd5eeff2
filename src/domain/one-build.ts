import type { PinnedImage } from './release.js';
import { type Sha, sameBuild } from './sha.js';

/** Images that say they were built from another commit than their tag: two of them may not be one build. */
export function foreignRevisions({ sha }: { sha: Sha }, pinned: PinnedImage[]): string[] {
  return pinned.flatMap(({ repository, revision }) =>
    revision === undefined || sameBuild(revision, sha)
      ? []
      : [`${repository} says that it was built from ${revision}, not from ${sha}`],
  );
}
