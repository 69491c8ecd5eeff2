import type { Digest } from './image.js';
import type { MovedImage, MoveInput, RefusedMove, TagState } from './move.js';
import type { Sha } from './sha.js';

/** A run, by the two ids that tell it from every other one. */
export interface RunRef {
  workflowId: string;
  runId: string;
}

/** A release's request for the lane. */
export interface LaneRequest extends RunRef {
  sha: Sha;
  sequence?: number;
  /** A person promotes or forces it: no newer build passes it, and it is not too old. */
  manual?: boolean;
  /** The lane answered that it is live already, and it is not. */
  recheck?: boolean;
}

/** Which build is newer: the higher sequence, then the one that was seen later. Fixed when the lane first sees a sha. */
export interface OrderKey {
  sequence: number;
  /** How many builds were seen before it. */
  seen: number;
}

/** The release that holds the lane. */
export interface Holder extends LaneRequest {
  /** Numbers the grants: a run that was reset holds another one, or none. */
  fencingToken: number;
  /** ISO 8601. */
  since: string;
  /** Why the lane was taken back. */
  revocation?: Revocation;
  /** The revocation was sent. */
  notified?: boolean;
  /** What it is held for, and from when on a newer build may preempt it. */
  heldFor?: HeldFor;
}

/** Why the holder is held, and from when on a newer build may preempt it. */
export interface HeldFor {
  hold: string;
  /** Epoch, ms. */
  preemptibleAt: number;
}

/** What the holder reports of itself: what it is held for; null when it goes on. */
export interface HolderReport {
  runId: string;
  heldFor: HeldFor | null;
}

/** Why a release no longer holds the lane: a newer build goes instead, or a rollback began. */
export type Revocation =
  | { superseded: string }
  | { revoked: string /** Its own build was rolled back. */; knownBad?: boolean };

/** How a request ends without the lane. */
export type LaneAnswer = { runId: string } & Exclude<LaneResult, { fencingToken: number }>;

/** A mover that has a write lease and has not reported. */
export interface OpenMove {
  moverRunId: string;
  parent: RunRef;
  kind: 'promotion' | 'rollback';
  sha: Sha;
  /** When its lease was granted or renewed last (epoch, ms); its writes may be on their way for 12 s from then on. */
  leaseGrantedAt?: number;
  /** When its lease was revoked (epoch, ms): it gets no other. */
  leaseRevokedAt?: number;
}

/** A rollback that was announced, and may move. */
export interface OpenRollback extends RunRef {
  sha: Sha;
  force: boolean;
}

/** A build that went to `:latest`, and on whose word. */
export interface LedgerEntry {
  /** Null for an adopted `:latest` whose build is unknown. */
  sha: Sha | null;
  at: string;
  kind: 'promotion' | 'rollback' | 'adopted';
  by: string;
  reason: string;
  images: TagState[];
}

export interface KnownBadBuild {
  sha: Sha;
  digests: Digest[];
  /** ISO 8601. */
  since: string;
  by: string;
  reason: string;
}

/** Why automatic promotion is off. An approved promotion, `lane adopt` or `lane unhold` lifts it. */
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
  /** ISO 8601; absent: until `canary resume`. */
  until?: string;
}

/** What outlives every run: plain JSON, at most `MAX_BUILDS` builds. */
export interface Ledger {
  /** The order of every sha that was seen, by its first seven digits. */
  order: Record<string, OrderKey>;
  seen: number;
  highestSequence: number;
  /** The newest build that was promoted. */
  newestPromoted: { sha: Sha; key: OrderKey } | null;
  history: LedgerEntry[];
  /** First promotion of each sha, by its first seven digits: how many moves there had been. */
  firstPromoted: Record<string, number>;
  knownBad: KnownBadBuild[];
  hold: LaneHold | null;
  pause: Pause | null;
  /** Where the last move left `:latest`; null until a move or an adoption. */
  expectedLatest: { images: TagState[]; at: number } | null;
  /** What the last look at the registry found; that is said once. */
  drift?: Drift;
  /** When the last move was whose watch over production is started, ISO 8601. */
  watchStartedFor?: string;
  /** Releases in a row that gave way because the canaries had moved on; a promotion ends the row. */
  consecutivePreemptions: number;
}

/** All that a lane knows: what continue-as-new carries, the query `lane` answers, and a fresh lane recovers from. */
export interface LaneState {
  fencingToken: number;
  queue: LaneRequest[];
  answers: LaneAnswer[];
  holder: Holder | null;
  move: OpenMove | null;
  rollback: OpenRollback | null;
  /** Runs that announced a rollback: once each. */
  requestedRollbacks: string[];
  /** Runs that had their move: one each. */
  finishedRuns: string[];
  ledger: Ledger;
}

/** What became of an ask. `live`: there is nothing to do, the build was promoted and is where it was put. */
export type LaneResult =
  | { fencingToken: number }
  | { superseded: string }
  | { knownBad: string }
  | { alreadyLive: string };

/** Where a run stands with the lane, right now. */
export interface HolderStatus {
  /** The number under which it holds the lane; null if it does not. */
  fencingToken: number | null;
  /** Why it was taken back; null when this very run never had one, or still has it. */
  revocation: Revocation | null;
  hold: LaneHold | null;
  pause: Pause | null;
  /** Where `:latest` should stand. */
  expectedLatest: TagState[];
  /** A newer build that waits. */
  newer: string | null;
}

/** What a look at the registry found that does not agree with the ledger. */
export interface Drift {
  /** Which move, or adoption, it was compared with (epoch, ms). */
  expectedAt: number;
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
  latest: TagState[];
}

/** The lane's answer to a mover: `allow` grants, or renews, its write lease; `retry` has it read and ask again. */
export type MoveDecision =
  | { decision: 'allow' }
  | { decision: 'retry' }
  | ({ decision: 'deny'; message: string } & RefusedMove);

/** What became of a move. `stopped`: nothing was written after the lease was revoked. */
export interface MoveReport {
  moverRunId: string;
  parent: RunRef;
  input: MoveInput;
  images: MovedImage[] | 'stopped';
}

/** What a rollback announces before anything moves (docs/protocol.md, A rollback). */
export interface RollbackRequest extends OpenRollback {
  by: string;
  reason: string;
}

/** Asks the lane about one run. `sha`: to learn whether a newer build waits. */
export type StandingRequest = Pick<LaneRequest, 'runId' | 'recheck'> & Partial<Pick<LaneRequest, 'sha'>>;

/** The lane's answer about one run: a few hundred bytes, where its whole state may be 256 KiB. */
export interface RunStanding {
  /** The lane has heard of the request: the run waits, holds the lane, or was answered. */
  isKnown: boolean;
  /** What became of the request; null while it waits, or is unknown. */
  result: LaneResult | null;
  status: HolderStatus;
  /** Whether any run holds the lane. */
  isHeld: boolean;
  /** The run may point the tag that the canary tenants follow: the holder, or without one the rollback under way. */
  ownsCanaryTag: boolean;
  /** Another rollback was announced after this one. */
  isSupersededRollback: boolean;
  /** When the last move, or an adoption, left `:latest` where it is expected (epoch, ms); null before the first. */
  expectedAt: number | null;
}
