import { digestOf, type TagState } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild } from '../contract/sha.js';

/** Images whose revision label names another commit than their tag: they may not be one build. One line each. */
export function foreignRevisions({ sha }: { sha: Sha }, pinned: PinnedImage[]): string[] {
  return pinned.flatMap(({ repository, revision }) =>
    revision === undefined || sameBuild(revision, sha)
      ? []
      : [`${repository} says that it was built from ${revision}, not from ${sha}`],
  );
}

/** Images whose tag was pushed again since their promotion, one line each. A tag that was deleted since does no harm. */
export function pushedAgain(pinned: PinnedImage[], tags: TagState[]): string[] {
  return pinned.flatMap(({ repository, digest }) => {
    const found = digestOf(tags, repository);
    return found === null || found === digest
      ? []
      : [`the tag of ${repository} was pushed again since it was promoted: ${found}, not ${digest}`];
  });
}
