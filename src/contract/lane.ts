import type { Digest, Repository } from './image.js';
import type { MovedImage, MoveInput, ObservedImage } from './move.js';
import type { Sha } from './sha.js';

/** A run, by the two ids that tell it from every other one. */
export interface RunRef {
  workflowId: string;
  runId: string;
}

/** What a release asks the lane for its turn with. */
export interface Ask extends RunRef {
  sha: Sha;
  sequence?: number;
  /** A human's word: it is neither passed by a newer build nor too old. */
  byWord?: boolean;
  /** It was told that it is live, and found that it is not. */
  anew?: boolean;
}

/** Which build is newer: the higher sequence, then the one that was seen later. Fixed when the lane first sees a sha. */
export interface OrderKey {
  sequence: number;
  /** How many builds were seen before it. */
  seen: number;
}

/** The release that has its turn. */
export interface Holder extends Ask {
  /** Numbers the grants: a run that was reset holds another one, or none. */
  turn: number;
  /** ISO 8601. */
  since: string;
  /** Why its turn was taken back. */
  lost?: Lost;
  /** It was told so. */
  told?: boolean;
  /** Why it is held, and from when on a newer build may take its turn (epoch, ms). */
  waits?: { hold: string; givesWayAt: number };
}

/** Why a turn was taken back: a newer build goes instead, or a rollback was begun. */
export type Lost = { superseded: string } | { revoked: string /** Its own build was rolled back. */; bad?: boolean };

/** How a release that asked ends without its turn. */
export type Answer = { runId: string } & Exclude<Turn, { turn: number }>;

/** A mover that was told yes and has not reported. */
export interface OpenMove {
  moverRunId: string;
  parent: RunRef;
  kind: 'promotion' | 'rollback';
  sha: Sha;
  /** When it was told yes last (epoch, ms); what it writes may be on its way for 12 s from then on. */
  yesAt?: number;
  /** When its yes was taken back (epoch, ms): it gets no other one. */
  takenBackAt?: number;
}

/** A rollback that was announced, and may move. */
export interface Announced extends RunRef {
  sha: Sha;
  force: boolean;
}

/** Where a move left `:latest`. */
export interface Left {
  repository: Repository;
  digest: Digest | null;
}

/** A build that went to `:latest`, and on whose word. */
export interface LedgerEntry {
  /** Null for an adopted `:latest` whose build nobody knows. */
  sha: Sha | null;
  at: string;
  kind: 'promotion' | 'rollback' | 'adopted';
  by: string;
  reason: string;
  images: Left[];
}

export interface BadBuild {
  sha: Sha;
  digests: Digest[];
  /** ISO 8601. */
  since: string;
  by: string;
  reason: string;
}

/** Why nothing is promoted by itself any more; lifted by an approved promotion, `lane adopt` or `lane unhold`. */
export interface LaneHold {
  name: 'after-rollback' | 'pair-split' | 'latest-moved' | 'not-recovered';
  why: string;
  by: string;
  since: string;
}

export interface Pause {
  by: string;
  why: string;
  since: string;
  /** ISO 8601; absent: until somebody resumes. */
  until?: string;
}

/** What outlives every run: plain JSON, at most `MAX_BUILDS` builds. */
export interface Ledger {
  /** The order of every sha that was seen, by its first seven digits. */
  order: Record<string, OrderKey>;
  seen: number;
  highestSequence: number;
  /** The newest build that was promoted. */
  mark: { sha: Sha; key: OrderKey } | null;
  moves: LedgerEntry[];
  /** First promotion of each sha, by its first seven digits: how many moves there had been. */
  firstPromoted: Record<string, number>;
  bad: BadBuild[];
  hold: LaneHold | null;
  pause: Pause | null;
  /** Where the last move left `:latest`; null until a move or an adoption. */
  left: { images: Left[]; at: number } | null;
  /** What the last look at the registry found; that is said once. */
  drift?: Drift;
  /** When the last move was whose watch over production is started, ISO 8601. */
  watched?: string;
  /** Releases in a row that gave way because the canaries had moved on; a promotion ends the row. */
  starved: number;
}

/** All that a lane knows: what continue-as-new carries, the query `lane` answers, and a fresh lane recovers from. */
export interface LaneState {
  turn: number;
  queue: Ask[];
  answers: Answer[];
  holder: Holder | null;
  move: OpenMove | null;
  rollback: Announced | null;
  /** Runs that announced a rollback: once each. */
  announced: string[];
  /** Runs that had their move: one each. */
  moved: string[];
  ledger: Ledger;
}

/** What became of an ask. `live`: there is nothing to do, the build was promoted and is where it was put. */
export type Turn = { turn: number } | { superseded: string } | { bad: string } | { live: string };

/** Where a run stands with the lane, right now. */
export interface Standing {
  /** The number of its turn; null when it has none. */
  turn: number | null;
  /** Why it was taken back; null when this very run never had one, or still has it. */
  lost: Lost | null;
  hold: LaneHold | null;
  pause: Pause | null;
  /** Where `:latest` should stand. */
  left: Left[];
  /** A newer build that waits. */
  newer: string | null;
}

/** What a look at the registry found that does not agree with the ledger. */
export interface Drift {
  /** Which move, or adoption, it was compared with (epoch, ms). */
  leftAt: number;
  /** Where `:latest` stands instead; null where it should. */
  latest: string | null;
  /** What a rollback would need and is gone, a line each. */
  missing: string[];
}

/** What a mover asks right before it writes. */
export interface MoveQuestion {
  moverRunId: string;
  parent: RunRef;
  input: MoveInput;
  /** Where it read `:latest` just now; empty for a rollback, which is not asked. */
  latest: ObservedImage[];
}

/** `later`: ask again. */
export type Word = 'yes' | 'later' | { no: string; latestMoved?: (Digest | null)[] };

/** What became of a move. `stopped`: it wrote nothing more after its yes was taken back. */
export interface MoveReport {
  moverRunId: string;
  parent: RunRef;
  input: MoveInput;
  images: MovedImage[] | 'stopped';
}

/** What a rollback announces before anything moves (protocol §6). */
export interface Announcement extends Announced {
  by: string;
  reason: string;
}
