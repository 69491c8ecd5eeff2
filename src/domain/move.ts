import type { Digest, Repository } from './image.js';
import type { Sha } from './sha.js';

/** What starts a `MoveLatest`: always a child of the run that wants it, never of nobody. */
export interface MoveInput {
  kind: 'promotion' | 'rollback';
  sha: Sha;
  images: MoveTarget[];
  by: string;
  reason: string;
}

export interface MoveTarget {
  repository: Repository;
  /** Where `:latest` shall point. */
  to: Digest;
  /** Where the run that wants the move saw `:latest`; a promotion moves nothing when it stands elsewhere (I8). */
  from: Digest | null;
}

/** Where `:latest` of an image stood right before its move; null when there was none. */
export interface ObservedImage {
  repository: Repository;
  digest: Digest | null;
}

/**
 * - `promoted`: it points at the target, read back.
 * - `already`: it did so before, and nothing was written.
 * - `restored`: the move was undone.
 * - `unconfirmed`: the registry took the write, but reads do not show it yet.
 * - `conflict`: somebody else moved it; `latest` names that digest.
 */
export type MoveOutcome = 'promoted' | 'already' | 'restored' | 'unconfirmed' | 'conflict';

export interface MovedImage {
  repository: Repository;
  digest: Digest;
  previous: Digest | null;
  result: MoveOutcome;
  /** What `:latest` answered last. */
  latest: Digest | null;
}
