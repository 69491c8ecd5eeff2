import { InvalidInput, shown } from './brand.js';
import { type Digest, parseDigest, parseRepository, type Repository } from './image.js';
import { parseSha, type Sha } from './sha.js';

/** What starts a `MoveLatest`, always as a child of the run that wants the move. */
export interface MoveInput {
  kind: 'promotion' | 'rollback';
  sha: Sha;
  images: MoveTarget[];
  by: string;
  reason: string;
  /** A person accepted that `:latest` stands at `from`, and what holds the lane. */
  accepted?: boolean;
  /** A forced rollback that the lane did not hear of: it goes on for as long as the lane says nothing. */
  laneUnheard?: boolean;
}

export interface MoveTarget {
  repository: Repository;
  /** Where `:latest` shall point. */
  to: Digest;
  /** Where the run that wants the move saw `:latest`; a promotion moves nothing when it stands elsewhere (I8). */
  from: Digest | null;
}

/** Where a tag of an image points; null when there is no such tag. */
export interface TagState {
  repository: Repository;
  digest: Digest | null;
}

/** The digest of one repository among several, by its name: nothing pairs images by their position. */
export const digestOf = (states: readonly TagState[], repository: Repository): Digest | null =>
  states.find((state) => state.repository === repository)?.digest ?? null;

/** Why a move was refused, a sentence for each. What follows from a refusal goes by this word, never by its message. */
export const MOVE_REFUSALS = {
  'already-moved': 'The run had its one move.',
  'lease-revoked': 'The lane revoked the write lease of this mover.',
  'not-holder': 'The release does not hold the lane, or no longer.',
  'not-announced': 'Another rollback was announced after this one, or a rollback is under way.',
  'known-bad': 'The build, or its content under another sha, was rolled back from.',
  superseded: 'A newer build was promoted in the meantime.',
  paused: 'The lane is paused.',
  'lane-held': 'The lane is on hold, and no person approved that very hold.',
  'latest-moved': '`:latest` is not where the last move left it.',
  'needs-force': 'Only a forced rollback goes on.',
  'not-running': 'The run that wants the move, or this attempt of the mover, is over.',
  busy: 'Another move did not end in time.',
  'lane-unavailable': 'The lane did not answer in time.',
} as const;
export type MoveRefusalReason = keyof typeof MOVE_REFUSALS;

/** The first of the details of a `MoveRefused` failure. */
export interface RefusedMove {
  refusal: MoveRefusalReason;
  /** Where `:latest` of each image stands, where that is the reason or what an approval would write over. */
  latest?: TagState[];
}

/** Reads the details of a failure, which may carry anything. */
export function refusedMove(detail: unknown): RefusedMove | null {
  const { refusal } = Object(detail) as Partial<RefusedMove>;
  return typeof refusal === 'string' && refusal in MOVE_REFUSALS ? (detail as RefusedMove) : null;
}

/** What became of one image, a sentence for each. */
export const MOVE_OUTCOMES = {
  promoted: 'It points at the target, read back.',
  already: 'It did so before.',
  restored: 'It is where it was: put back, or never written.',
  unconfirmed: 'The registry took the write, but reads do not show it.',
  conflict: 'It was moved from outside; `latest` names that digest.',
  failed: 'It could not be written, and could not be put back either.',
} as const;
export type MoveOutcome = keyof typeof MOVE_OUTCOMES;

export interface MovedImage {
  repository: Repository;
  /** The target. */
  digest: Digest;
  previous: Digest | null;
  result: MoveOutcome;
  /** What `:latest` answered last. */
  latest: Digest | null;
  /** What went wrong, if anything did. */
  why?: string;
}

/** Whether this is what a mover says that became of its images; a failure may carry anything. */
export function areMoved(found: unknown): found is MovedImage[] {
  return Array.isArray(found) && found.every((one) => typeof one?.result === 'string');
}

/** Whether every image is where it was meant to be. */
export function isWhole(images: MovedImage[]): boolean {
  return images.every(({ result }) => result === 'promoted' || result === 'already');
}

/** Whether all images are on one build: where they were, or, taken by the registry but perhaps not yet seen, where they were sent. */
export function areOnOneBuild(images: MovedImage[]): boolean {
  const sent: MoveOutcome[] = ['promoted', 'already', 'unconfirmed'];
  return images.every(({ result }) => result === 'restored') || images.every(({ result }) => sent.includes(result));
}

/** Reads what a mover was started with; by hand it could be anything.
 * @throws {InvalidInput} */
export function parseMoveInput(input: unknown): MoveInput {
  const bad = (why: string) => new InvalidInput(`move: ${why}; it is started by a release or a rollback, not by hand`);
  const { kind, images, by, reason, sha, accepted, laneUnheard } = Object(input) as Partial<
    Record<keyof MoveInput, unknown>
  >;
  if (kind !== 'promotion' && kind !== 'rollback') throw bad(`kind is ${shown(kind)}`);
  if (typeof by !== 'string' || typeof reason !== 'string') throw bad('by or reason is missing');
  if (!Array.isArray(images) || images.length === 0) throw bad('images are missing');
  const order: MoveInput = { kind, sha: parseSha(sha), by, reason, images: images.map(parseTarget) };
  return {
    ...order,
    ...(accepted === true && { accepted }),
    ...(laneUnheard === true && kind === 'rollback' && { laneUnheard }),
  };
}

function parseTarget(target: unknown): MoveTarget {
  const { repository, to, from } = Object(target) as Partial<Record<keyof MoveTarget, unknown>>;
  return {
    repository: parseRepository(repository),
    to: parseDigest(to),
    from: from === null ? null : parseDigest(from),
  };
}
