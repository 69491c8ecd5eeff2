import { digestOf, type TagState } from '../contract/move.js';
import type { MissingManifest, PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild } from '../contract/sha.js';

/** Images whose revision label names another commit than their tag: they may not be one build. One line each. */
export function foreignRevisions({ sha }: { sha: Sha }, pinned: PinnedImage[]): string[] {
  return pinned.flatMap(({ repository, revision }) =>
    revision === undefined || sameBuild(revision, sha)
      ? []
      : [`${repository} says that it was built from ${revision}, not from ${sha}`],
  );
}

/** Manifests of a platform that are missing, one line for each image: machines of that platform could not pull it. */
export const missingPlatforms = (pinned: PinnedImage[]): string[] => missingOf(pinned, 'platform');

/** Attestations that are missing, one line for each image: no machine needs them. */
export const missingAttestations = (pinned: PinnedImage[]): string[] => missingOf(pinned, 'attestation');

const missingOf = (pinned: PinnedImage[], of: MissingManifest['of']): string[] =>
  pinned.flatMap(({ repository, digest, missing = [] }) => {
    const gone = missing.filter((one) => one.of === of).map((one) => one.digest);
    return gone.length === 0 ? [] : [`${repository}, index ${digest}: ${of} missing: ${gone.join(', ')}`];
  });

/** Images whose tag was pushed again since their promotion, one line each. A tag that was deleted since does no harm. */
export function pushedAgain(pinned: PinnedImage[], tags: TagState[]): string[] {
  return pinned.flatMap(({ repository, digest }) => {
    const found = digestOf(tags, repository);
    return found === null || found === digest
      ? []
      : [`the tag of ${repository} was pushed again since it was promoted: ${found}, not ${digest}`];
  });
}
