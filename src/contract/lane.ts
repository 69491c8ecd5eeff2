import type { Digest } from './image.js';
import type { Drift, MovedImage, MoveInput, OnlyFrom, RecordedImage, RefusedMove, TagState } from './move.js';
import type { Sha } from './sha.js';
import type { BuildVerdict } from './tenants/check.js';
import type { Quarantined } from './tenants/quarantine.js';

/** Identity of a run. */
export interface RunRef {
  workflowId: string;
  runId: string;
}

/** A release's request for the lane. */
export interface LaneRequest extends RunRef {
  sha: Sha;
  sequence?: number;
  /** Whether a person promotes or forces it: then no newer build supersedes it, and it is never too old. */
  manual?: boolean;
  /** Whether it is promoted untested. */
  promoteOnly?: boolean;
  /** Whether it is forced: any sequence counts, and with `promoteOnly` also a known-bad build. */
  force?: boolean;
  /** Whether the lane answered `alreadyLive` before, and the registry disagrees. */
  recheck?: boolean;
}

/** Place of a build in the order: by sequence, then by first request. Fixed when the lane first sees the sha. */
export interface OrderKey {
  sequence: number;
  /** Number of builds that the lane saw before it. */
  seen: number;
}

/** Release that holds the lane. */
export interface Holder extends LaneRequest {
  /** Number of this acquisition: a run that was reset holds another one, or none. */
  fencingToken: number;
  /** ISO 8601. */
  since: string;
  /** Why it no longer holds the lane; absent while it does. */
  revocation?: Revocation;
  /** Whether the revocation was sent to the run. */
  notified?: boolean;
  /** Present while it is held for a person. */
  heldFor?: HeldFor;
}

/** Hold of the holder, and from when on (epoch, ms) a newer build may preempt it. One that yields ends for that build, which its tenants run. */
export interface HeldFor {
  hold: string;
  preemptibleAt: number;
  yields?: true;
}

/** Holder's report of its hold; `heldFor` is null when the hold has ended. */
export interface HolderReport {
  runId: string;
  heldFor: HeldFor | null;
}

/** Why a release no longer holds the lane: a newer build supersedes it, or a rollback began. */
export type Revocation =
  | { superseded: string }
  | { revoked: string /** Whether its own build was rolled back. */; knownBad?: boolean };

/** Answer to a request that does not get the lane. */
export type LaneAnswer = { runId: string } & Exclude<LaneResult, { fencingToken: number }>;

/** Mover that got a write lease and has not reported. */
export interface OpenMove {
  moverRunId: string;
  parent: RunRef;
  kind: 'promotion' | 'rollback';
  sha: Sha;
  /** Time of the last grant or renewal of its lease (epoch, ms); its writes may be in flight for 12 s from then on. */
  leaseGrantedAt?: number;
  /** Time of the revocation of its lease (epoch, ms): it never gets another one. */
  leaseRevokedAt?: number;
}

/** Rollback that was announced last, and may move. */
export interface OpenRollback extends RunRef {
  sha: Sha;
  force: boolean;
}

/** One move or adoption of `:latest`: when (ISO 8601), by whom and why. */
export interface LedgerEntry {
  /** Null for an adopted `:latest` whose build is unknown. */
  sha: Sha | null;
  at: string;
  kind: 'promotion' | 'rollback' | 'adopted';
  by: string;
  reason: string;
  images: RecordedImage[];
}

/** Mark of a build that was rolled back from, since a time (ISO 8601): it is not promoted until `unbad`, or a forced promotion or rollback. */
export interface KnownBadBuild {
  sha: Sha;
  digests: Digest[];
  since: string;
  by: string;
  reason: string;
}

/** Why automatic promotion is off. An approved promotion, `lane adopt` or `lane unhold` lifts it. */
export interface LaneHold {
  name: 'after-rollback' | 'pair-split' | 'latest-moved' | 'not-recovered';
  /** Images that were moved from outside, and where `:latest` was: what the hold is about, if a read found it. */
  moved?: TagState[];
  why: string;
  by: string;
  since: string;
}

/** Pause of the lane: no promotion begins until `until` (ISO 8601); without it, until `canary resume`. */
export interface Pause {
  by: string;
  why: string;
  since: string;
  until?: string;
}

/** Durable record of the lane, which outlives every run: plain JSON, at most `MAX_BUILDS` builds. */
export interface Ledger extends Quarantined {
  /** Order key of every known sha, by its first seven digits. */
  order: Record<string, OrderKey>;
  seen: number;
  /** Highest sequence of any build: the newest one. */
  highestSequence: number;
  /** Build that superseded releases in a row although the lane saw it before them, and how many, and whether the alarm was raised; null after a release that was granted. */
  outOfOrder: { by: Sha; times: number; isRaised?: boolean } | null;
  /** Newest build that was promoted or adopted; a forced promotion lowers it. */
  newestPromoted: { sha: Sha; key: OrderKey } | null;
  history: LedgerEntry[];
  /** Number of each sha's first promotion, by its first seven digits: 0 for the first of all. */
  firstPromoted: Record<string, number>;
  /** Builds that were rolled back from. With the builds whose last verdict is RED they are the known-bad builds. */
  knownBad: KnownBadBuild[];
  /** Last verdict of each build. */
  verdicts: BuildVerdict[];
  hold: LaneHold | null;
  pause: Pause | null;
  /** Expected latest: where the last move or adoption left `:latest`, and when (epoch, ms); null before the first. */
  expectedLatest: { images: TagState[]; at: number } | null;
  /** Result of the last drift check, so that each finding is reported once. */
  drift?: Drift;
  /** Time of the newest move for which a watch over production was started, ISO 8601; `watchedFor`: one with a fleet, and so a run. */
  watchStartedFor?: string;
  watchedFor?: string;
  /** Consecutive releases that were preempted after the canary tenants had left; a promotion resets it. */
  consecutivePreemptions: number;
  /** Present once a part was lost: builds that were not seen since (`seen`) are refused unless their sequence is above `upTo`, which a person sets. `unread`: a copy, which may have it, could not be read; what the worker met last, and the number of the newest copy that it has read (0: none). */
  lost?: { seen: number; upTo: number | null; unread?: { why: string; merged: number } };
}

/** State of a lane: continue-as-new carries it, the query `lane` returns it, and a fresh lane recovers from it. */
export interface LaneState {
  fencingToken: number;
  queue: LaneRequest[];
  answers: LaneAnswer[];
  holder: Holder | null;
  move: OpenMove | null;
  rollback: OpenRollback | null;
  /** Runs that announced a rollback; each may do so once. */
  requestedRollbacks: string[];
  /** Runs that have moved `:latest`; each may do so once. */
  finishedRuns: string[];
  ledger: Ledger;
}

/**
 * Result of a request for the lane. `alreadyLive`: since when and by whom the build is live, so that there is nothing to do.
 * `invalid`: what is wrong with its sequence. `rejected`: the last verdict on the build, if it is RED. `revoked`: who dropped the run.
 */
export type LaneResult =
  | { fencingToken: number; rejected?: BuildVerdict }
  | { superseded: string }
  | { revoked: string }
  | { knownBad: string; rejected?: BuildVerdict }
  | { alreadyLive: string }
  | { invalid: string };

/** Current status of one run with the lane. */
export interface HolderStatus extends Quarantined {
  /** Fencing token with which it holds the lane; null if it does not. */
  fencingToken: number | null;
  /** Why the lane was revoked; null if the run never held it, or still does. */
  revocation: Revocation | null;
  hold: LaneHold | null;
  pause: Pause | null;
  /** Where `:latest` should be. */
  expectedLatest: TagState[];
  /** Newer build that waits: the automatic one if it is newer, or the last one that a person asked for. */
  newer: string | null;
}

/** Mover's request for the write lease, right before a write. */
export interface MoveQuestion {
  moverRunId: string;
  parent: RunRef;
  input: MoveInput;
  /** Whether a PUT of this mover may have gone out: then its lease is renewed, and nothing is decided again. */
  begun: boolean;
  /** Where it has just read `:latest`; empty for a rollback, which does not depend on it. */
  latest: TagState[];
}

/** Lane's answer to a mover: `allow` grants or renews its write lease; on `retry` it reads `:latest` and asks again; `deny` ends the move. */
export type MoveDecision =
  | { decision: 'allow' }
  | { decision: 'retry' }
  | ({ decision: 'deny'; message: string } & RefusedMove);

/** Mover's report. `stopped`: it wrote nothing after its lease was revoked. */
export interface MoveReport {
  moverRunId: string;
  parent: RunRef;
  input: MoveInput;
  images: MovedImage[] | 'stopped';
}

/** Announcement of a rollback, before anything moves (docs/protocol.md, A rollback). */
export interface RollbackRequest extends OpenRollback, OnlyFrom {
  by: string;
  reason: string;
  /** Digests of the target: they name an adopted `:latest` whose build was not known. */
  images?: TagState[];
}

/** Question about one run. With `sha` the answer says whether a newer build waits. */
export type PositionRequest = Pick<LaneRequest, 'runId' | 'recheck'> & Partial<Pick<LaneRequest, 'sha'>>;

/** Answer about one run: a few hundred bytes, while the whole state may be 256 KiB. */
export interface RunPosition {
  /** Whether the lane knows the request: the run waits, holds the lane, or was answered. */
  isKnown: boolean;
  /** Result of the request; null while it waits, or if it is unknown. */
  result: LaneResult | null;
  status: HolderStatus;
  /** Whether any run holds the lane. */
  isHeld: boolean;
  /** Whether the run may point the tag that the canary tenants follow: the holder may, or without one the rollback under way. */
  ownsCanaryTag: boolean;
  /** Whether another rollback was announced after this one. */
  isSupersededRollback: boolean;
  /** Time of the last move or adoption (epoch, ms); null before the first. */
  expectedAt: number | null;
}
