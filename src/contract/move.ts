import { InvalidInput, shown } from './brand.js';
import { type Digest, type ImageChange, LATEST, parseDigest, parseRepository, type Repository } from './image.js';
import { parseSha, type Sha } from './sha.js';

/** Part of a rollback that begins without a person. */
export interface OnlyFrom {
  /** Build that must be live still, as the ledger has it; else nothing moves. */
  onlyFrom?: Sha;
}

/** Input of a `MoveLatest`, which is always a child of the run that requests the move. */
export interface MoveInput extends OnlyFrom {
  kind: 'promotion' | 'rollback';
  sha: Sha;
  images: MoveTarget[];
  by: string;
  reason: string;
  /** Whether a person accepted that `:latest` is at `from`, and the hold of the lane. */
  accepted?: boolean;
  /** Whether this is a rollback that the lane did not answer: it continues as long as the lane does not answer. */
  laneUnavailable?: boolean;
  /** Name that such a rollback was started with, by which its mover announces it: that of a verified identity is no claim. */
  claimedBy?: string;
  /** Whether a person promotes or forces it: then it is never too old. Never for a rollback. */
  manual?: boolean;
  /** Whether this is a forced rollback, or a forced promotion of an untested build: then the build may be known-bad. */
  force?: boolean;
  /** Whether the mover before it was terminated: a person may have gone back by hand, so this one goes no further forward. */
  afterEnded?: boolean;
}

/** Target of a move for one image. */
export interface MoveTarget {
  repository: Repository;
  /** Digest that `:latest` must point at. */
  to: Digest;
  /** Digest at which the requesting run saw `:latest`; a promotion moves nothing if it is elsewhere (I8). */
  from: Digest | null;
  /** Whether the build has no image of it: `to` is where its `:latest` was, and must be by the ledger. */
  unchanged?: true;
  /** Rollback floor that the release named. */
  floor?: Sha;
}

/** Digest at which a tag of an image points; null if there is no such tag. */
export interface TagState {
  repository: Repository;
  digest: Digest | null;
}

/** Image of a build, as the ledger records it. */
export interface RecordedImage extends TagState {
  /** Whether the build had no image of it: it kept its `:latest`. */
  unchanged?: true;
  /** Rollback floor that its release named: oldest build that can run on its data. */
  floor?: Sha;
}

/** Where `:latest` of an image is, as people read it. */
export const whereItStands = ({ repository, digest }: TagState, tag = LATEST): string =>
  `${repository}:${tag} stands at ${digest ?? 'nothing'}`;

/** Image that is not at its target yet, with what was read and why the move goes on. */
export interface MoveProgress extends TagState {
  why: string;
}

/** Line about an image that is not at its target yet. */
export const progressLine = ({ repository, digest, why }: MoveProgress): string =>
  `${repository}:latest is at ${digest ?? 'nothing'}; the move continues: ${why}`;

/** Digest of one repository by its name: nothing pairs images by their position. */
export const digestOf = (states: readonly TagState[], repository: Repository): Digest | null =>
  states.find((state) => state.repository === repository)?.digest ?? null;

/** Whether two lists have the same images, each at the same digest. */
export const isSameLatest = (one: readonly TagState[], other: readonly TagState[]): boolean =>
  one.length === other.length &&
  one.every((state) =>
    other.some(({ repository, digest }) => repository === state.repository && digest === state.digest),
  );

/** Difference between the registry and the ledger. */
export interface Drift {
  /** Time of the move or adoption that the registry was compared with (epoch, ms). */
  expectedAt: number;
  /** Images whose `:latest` is elsewhere, and where it is; empty if each is as expected. */
  moved: TagState[];
  missing: MissingTarget[];
}

/** Image of an earlier build to which a rollback would fail, because a manifest of it is gone from the registry. */
export interface MissingTarget {
  sha: Sha;
  repository: Repository;
  /** One line for people. */
  text: string;
}

/** Reasons for refusing a move, a sentence for each. Code depends on these names, never on the message. */
export const MOVE_REFUSALS = {
  'already-moved': 'The run has already moved `:latest`.',
  'lease-revoked': 'The lane revoked the write lease of this mover.',
  'not-holder': 'The release does not hold the lane.',
  'not-announced': 'Another rollback was announced after this one, or a rollback is under way.',
  'known-bad': 'The build, or the same content under another sha, is known-bad.',
  superseded:
    'A newer build was promoted in the meantime; for a rollback without a person, also another move, adoption or hold.',
  paused: 'The lane is paused.',
  'lane-held': 'The lane is on hold, and no person approved that hold.',
  'latest-moved': '`:latest` is not where the last move left it.',
  'needs-force': 'Only a forced rollback may continue.',
  'not-running': 'The run that requests the move, or this attempt of the mover, has ended.',
  foreign: 'What asks is no run of this gate, or asks for what it is not configured for.',
  unverified: 'A verified identity is needed, and none was given, or the token was refused.',
  busy: 'Another move did not end in time.',
  'lane-unavailable': 'The lane did not answer in time.',
} as const;
/** Reason for refusing a move. */
export type MoveRefusalReason = keyof typeof MOVE_REFUSALS;

/** First detail of a `MoveRefused` failure. */
export interface RefusedMove {
  refusal: MoveRefusalReason;
  /** Where `:latest` of each image is, if that is the reason or an approval would overwrite it. */
  latest?: TagState[];
}

/** Parses a detail of a failure, which may be anything; null if it is not a refused move. */
export function refusedMove(detail: unknown): RefusedMove | null {
  const { refusal } = Object(detail) as Partial<RefusedMove>;
  return typeof refusal === 'string' && Object.hasOwn(MOVE_REFUSALS, refusal) ? (detail as RefusedMove) : null;
}

/** Results of a move for one image, a sentence for each. */
export const MOVE_OUTCOMES = {
  promoted: '`:latest` points at the target, read back.',
  already: '`:latest` pointed at the target before the move.',
  restored: '`:latest` is where it was: restored, or never written.',
  unconfirmed: 'The registry accepted the write, but reads do not show it.',
  conflict: '`:latest` was moved from outside; `latest` names that digest.',
  failed: '`:latest` could not be written, and could not be restored.',
} as const;
/** Result of a move for one image. */
export type MoveOutcome = keyof typeof MOVE_OUTCOMES;

/** One image after a move. */
export interface MovedImage {
  repository: Repository;
  /** Target of the move. */
  digest: Digest;
  previous: Digest | null;
  result: MoveOutcome;
  /** Digest that the last read of `:latest` returned. */
  latest: Digest | null;
  /** Fault, if there was one. */
  why?: string;
  /** Whether the build has no image of it. */
  unchanged?: true;
  /** How it differs from the image that it replaces; of a release alone. */
  change?: ImageChange;
}

/** Whether a detail of a failure, which may be anything, is the result of a move. */
export function areMoved(found: unknown): found is MovedImage[] {
  return Array.isArray(found) && found.every((one) => typeof one?.result === 'string');
}

/** Whether every image is at its target. */
export function isWhole(images: MovedImage[]): boolean {
  return images.every(({ result }) => result === 'promoted' || result === 'already');
}

/**
 * Whether all images are on one build: all restored, or all at the target, even if reads do not show it yet. One that the
 * build does not have is on either, as long as it stays where it was.
 */
export function areOnOneBuild(all: MovedImage[]): boolean {
  const sent: MoveOutcome[] = ['promoted', 'already', 'unconfirmed'];
  const images = all.filter(({ unchanged, latest, digest }) => !(unchanged && latest === digest));
  return images.every(({ result }) => result === 'restored') || images.every(({ result }) => sent.includes(result));
}

/** Longest name or reason of a move, in characters, and most of its images. */
const MAX_TEXT = 2_000;
const MAX_IMAGES = 50;

/** Parses the input of a mover, which may be anything if a person started it.
 * @throws {InvalidInput} */
export function parseMoveInput(input: unknown): MoveInput {
  const bad = (why: string) => new InvalidInput(`move: ${why}; it is started by a release or a rollback, not by hand`);
  const { kind, images, by, reason, sha, accepted, laneUnavailable, claimedBy, manual, force, onlyFrom, afterEnded } =
    Object(input) as Partial<Record<keyof MoveInput, unknown>>;
  if (kind !== 'promotion' && kind !== 'rollback') throw bad(`invalid kind ${shown(kind)}`);
  if (typeof by !== 'string' || typeof reason !== 'string') throw bad('by or reason is missing');
  if (by.length > MAX_TEXT || reason.length > MAX_TEXT) throw bad(`by or reason is longer than ${MAX_TEXT} characters`);
  if (!Array.isArray(images) || images.length === 0 || images.length > MAX_IMAGES)
    throw bad(`images are missing, or more than ${MAX_IMAGES}`);
  const order: MoveInput = {
    kind,
    sha: parseSha(sha),
    by,
    reason,
    images: images.map((one, at) => parseTarget(one, at, bad)),
  };
  return {
    ...order,
    ...(accepted === true && { accepted }),
    ...(laneUnavailable === true && kind === 'rollback' && { laneUnavailable }),
    ...(typeof claimedBy === 'string' && kind === 'rollback' && { claimedBy: claimedBy.slice(0, MAX_TEXT) }),
    ...(manual === true && kind === 'promotion' && { manual }),
    ...(force === true && { force }),
    ...(afterEnded === true && { afterEnded }),
    ...(onlyFrom !== undefined && kind === 'rollback' && { onlyFrom: parseSha(onlyFrom) }),
  };
}

function parseTarget(target: unknown, at: number, bad: (why: string) => InvalidInput): MoveTarget {
  if (typeof target !== 'object' || target === null || Array.isArray(target))
    throw bad(`images[${at}] is ${shown(target)}, not an image`);
  const { repository, to, from, unchanged, floor } = target as Partial<Record<keyof MoveTarget, unknown>>;
  return {
    repository: parseRepository(repository),
    to: parseDigest(to),
    from: from === null ? null : parseDigest(from),
    ...(unchanged === true && { unchanged }),
    ...(floor !== undefined && { floor: parseSha(floor) }),
  };
}
