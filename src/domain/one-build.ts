import type { OpenPoint } from '../contract/hold.js';
import type { ImageChange, Repository } from '../contract/image.js';
import {
  digestOf,
  type MovedImage,
  type MoveInput,
  type MoveOutcome,
  type MoveTarget,
  type TagState,
} from '../contract/move.js';
import type { MissingManifest, PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild } from '../contract/sha.js';

/** Images whose revision label names another commit than their tag: they may not be one build. */
export function foreignRevisions({ sha }: { sha: Sha }, pinned: PinnedImage[]): OpenPoint[] {
  return pinned.flatMap(({ repository, revision, unchanged }): OpenPoint[] => {
    if (unchanged || revision === undefined || sameBuild(revision, sha)) return [];
    const text = `${repository} says that it was built from ${revision}, not from ${sha}`;
    return [{ kind: 'foreign-revision', about: repository, text }];
  });
}

/** Images that the build does not have, and that keep their `:latest`, on one line; empty without one. */
export function keptImages(images: readonly { repository: Repository; unchanged?: true }[]): string {
  const kept = images.filter(({ unchanged }) => unchanged).map(({ repository }) => repository);
  return kept.length === 0 ? '' : `${kept.join(', ')} kept where it was: this build has no image of it`;
}

/** Pinned images with where `:latest` is now; one that the build does not have stays where a person has put it. */
export const withLatest = (pinned: PinnedImage[], found: readonly TagState[]): PinnedImage[] =>
  pinned.map((image) => {
    const latest = digestOf(found, image.repository);
    return { ...image, latest, ...(image.unchanged && latest !== null && { digest: latest }) };
  });

/** Target of a pinned image. */
export const targetOf = ({ repository, digest, latest, unchanged }: PinnedImage): MoveTarget => ({
  repository,
  to: digest,
  from: latest,
  ...(unchanged && { unchanged }),
});

/** Whether an image stayed where it was because the build does not have it: no result of the move. */
export const isKept = ({ unchanged, result }: MovedImage) => unchanged === true && result === 'already';

/** Result of each image by where `:latest` is now. A mover that was started again may have found its own target there before. */
export function outcomesOf(input: MoveInput, before: TagState[], now: TagState[]): MovedImage[] {
  const images = input.images.map(({ repository, to, from, unchanged }): MovedImage => {
    const digestBefore = digestOf(before, repository);
    const previous = digestBefore === to ? from : digestBefore;
    const latest = digestOf(now, repository);
    const result: MoveOutcome = latest === to ? 'promoted' : latest === previous ? 'restored' : 'conflict';
    if (unchanged && latest === to) return { repository, digest: to, previous, result: 'already', latest, unchanged };
    return { repository, digest: to, previous, result, latest, ...(unchanged && { unchanged }) };
  });
  const others = images.filter((image) => !isKept(image));
  if (others.some(({ result }) => result !== 'restored')) return images;
  return images.map((image) => ({ ...image, result: 'restored' }));
}

/** Images that a rollback leaves where they are, because neither registry nor ledger has them for its target; one line each. */
export const leftOut = (images: readonly Repository[]): string[] =>
  images.map((repository) => `${repository} has no image of this build, and would stay where it is`);

/** Why the target of a rollback is, or may be, below a rollback floor; empty if it is not. */
export const belowFloor = (pinned: PinnedImage[]): string[] => once(pinned.flatMap((image) => image.belowFloor ?? []));

/** Why it is not known whether the target of a rollback is below a rollback floor; empty if it is known. */
export const unreadFloor = (pinned: PinnedImage[]): string[] =>
  once(pinned.flatMap((image) => image.floorUnread ?? []));

/** What each image says of its build, once. */
const once = (lines: string[]): string[] => [...new Set(lines)];

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

/** On one line: `412.3 MB, before 398.0 MB (+3.6 %); no longer for linux/arm64`. */
export function describeChange({ bytes: { before, after }, gained, lost }: ImageChange): string {
  const growth = before === null || before === 0 ? null : ((after - before) / before) * 100;
  const than =
    growth === null || before === after
      ? ''
      : `, before ${pullSize(before ?? 0)} (${growth < 0 ? '−' : '+'}${Math.abs(growth).toFixed(1)} %)`;
  return [
    `${pullSize(after)} to pull${than}`,
    ...(gained.length > 0 ? [`new for ${gained.join(', ')}`] : []),
    ...(lost.length > 0 ? [`no longer for ${lost.join(', ')}`] : []),
  ].join('; ');
}

const pullSize = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
