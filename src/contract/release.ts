import type { TenantSmoke } from './check.js';
import type { FailureType } from './failures.js';
import type { Decision, DecisionEffect, Hold, HoldName, Verb } from './hold.js';
import type { Digest, Repository, Tag } from './image.js';
import type { MovedImage, MoveRefusalReason } from './move.js';
import type { Sha } from './sha.js';

/** Where a release stands, in operators' words, with a sentence for each. */
export const RELEASE_PHASES = {
  queued: 'Waits for the lane: one build at a time uses the canary fleet.',
  resolving: 'Reads the digest of each image, once: from here on only these digests count.',
  'awaiting-canary': 'Waits until every canary tenant reports that it runs the build.',
  soaking: 'The build runs on every canary tenant for a while, watched.',
  smoking: 'Every canary tenant is asked the checks of the smoke suite.',
  'awaiting-approval': 'All is green; a person must approve.',
  announcing: 'A rollback tells the lane, so that nothing else moves.',
  promoting: ':latest of all images is being moved, together.',
  held: 'Waits for a person to decide what a machine should not.',
  done: 'Ended.',
} as const;
export type ReleasePhase = keyof typeof RELEASE_PHASES;

/** How a run completes, a sentence for each. Every other end is a failure of a type in `FAILURE_TYPES`. */
export const OUTCOMES = {
  promoted: ':latest of every image is on the tested digests.',
  superseded: 'A newer build goes instead.',
  skipped: 'No canary fleet is configured, so nothing was tested and nothing moved.',
  'rolled-back': ':latest of every image is back on the build.',
  already: ':latest of every image was on the build before the rollback.',
} as const;
export type RunOutcome = keyof typeof OUTCOMES;
export type ReleaseOutcome = Extract<RunOutcome, 'promoted' | 'superseded' | 'skipped'>;
export type RollbackOutcome = Extract<RunOutcome, 'rolled-back' | 'already'>;

/** What starts a `CanaryRelease`. JSON that people type by hand in the Temporal UI. */
export interface ReleaseInput {
  sha: Sha;
  /** Only grows from build to build: in GitHub the publish run's id. */
  sequence?: number;
  requestedBy?: string;
  commitUrl?: string;
  /** At least this long, e.g. "10m"; shorter than configured only with `force`. */
  soak?: string;
  /** A person must approve, whatever is configured. */
  approval?: 'required';
  /** Moves without wait, soak and smoke, in the name and for the reason of the person who asks. */
  promoteOnly?: boolean;
  /** Takes less than configured; needs a reason, and then an approval. */
  force?: boolean;
  reason?: string;
}

/** What a run goes by from `resolving` to its end, whatever is configured meanwhile. No secret is in it. */
export interface Plan {
  images: Repository[];
  tenants: PlannedTenant[];
  /** The tag that the canary tenants follow, when it is ours to point. */
  tag?: Tag;
  /** Empty: no tenant tells, and no run can confirm its build. */
  buildProbe: BuildSource[];
  soakMs: number;
  pollMs: number;
  /** How long tenants get to report the build. */
  updateTimeoutMs: number;
  /** Between two rounds of the suite's read-only checks while it soaks; 0: the soak is not watched. */
  soakProbeMs: number;
  approval: 'auto' | 'required';
  holdTimeoutMs: number;
  /** How long a GREEN build that waits only for people is safe from a newer one. */
  holdGraceMs: number;
  /** How long transient faults are retried before the release is held, in milliseconds: a registry that is down, a missing secret; and what one tenant's smoke may take. */
  retryBudgetMs: { registry: number; secret: number; smoke: number };
}

/** A tenant by name and origin (`https://host:port`); its token is looked up by origin where it is used. */
export interface PlannedTenant {
  name: string;
  origin: string;
  /** Where it tells its build, if not where the plan says for all. Empty: nowhere. */
  buildProbe?: BuildSource[];
}

/** One place where a tenant tells its build: the JSON `field` of `path`, as in `/health#sha`. */
export interface BuildSource {
  path: string;
  field: string;
}

/** An image of the build, pinned: what `:staging-<sha>` and `:latest` pointed at when the run looked. */
export interface PinnedImage {
  repository: Repository;
  digest: Digest;
  /** Where `:latest` stood at `resolving`; null when there was none. */
  latest: Digest | null;
  /** The commit that the image says it was built from (`org.opencontainers.image.revision`), if it says one. */
  revision?: string;
}

/** Which build a tenant reports, or why it is not known. */
export interface TenantBuild {
  tenant: string;
  build: string | null;
  why?: string;
}

/** When a run began and ended, and where its time went. */
export interface RunTimes {
  /** ISO 8601. */
  started: string;
  ended: string;
  phases: PhaseTime[];
}

/** The result of a `CanaryRelease`, or the first of its failure's details; with what it was started with. */
export interface ReleaseReport extends ReleaseInput, RunTimes {
  outcome: ReleaseOutcome | FailureType;
  /** The gist, one line. */
  why: string;
  images: (PinnedImage | MovedImage)[];
  tenants: TenantSmoke[];
  decisions: Decision[];
  /** What was not tested or not confirmed, and promoted on the decision of a person. */
  notTested: string[];
  /** How many tenants a report that would be too long says nothing of. */
  tenantsLeftOut?: number;
}

/** The answer of the query `status`. */
export interface ReleaseStatus {
  sha: string;
  phase: ReleasePhase;
  /** When this phase began, ISO 8601. */
  since: string;
  /** What it waits for, or how it ended. */
  why: string;
  /** Where its time went. */
  phases: PhaseTime[];
  /** When this phase ends at the latest, ISO 8601; null if it has no bound. */
  until: string | null;
  /** What each verb would do now, or why it would be refused; a rollback takes none. */
  verbs?: Record<Verb, DecisionEffect>;
  images: (PinnedImage | MovedImage)[];
  builds: TenantBuild[];
  tenants: TenantSmoke[];
  /** What it waits for a person for. */
  hold: Hold | null;
  /** What ended this hold, or ends the run. */
  decided: Decision | null;
  /** The mover is started: the move finishes. */
  moving: boolean;
  decisions: Decision[];
  /** Signals that were refused, the last ones. */
  refusals: string[];
}

/** What starts a `Rollback`. */
export interface RollbackInput {
  sha: Sha;
  reason: string;
  requestedBy?: string;
  /** Goes on although an image says that it was built from another commit. */
  force?: boolean;
}

/** The result of a `Rollback`, or the first of its failure's details. */
export interface RollbackReport extends RollbackInput, RunTimes {
  outcome: RollbackOutcome | FailureType;
  /** Why it was refused, for `MoveRefused`. */
  refusal?: MoveRefusalReason;
  why: string;
  images: (PinnedImage | MovedImage)[];
}

/** How long a run was in a phase, all visits together; one row for each hold, so that no run has many. */
export interface PhaseTime {
  phase: ReleasePhase;
  hold?: HoldName;
  /** When it came there first, ISO 8601. */
  since: string;
  /** When it left for the last time, ISO 8601; null while it is there. */
  until: string | null;
  /** Of all visits that have ended. */
  ms: number;
  visits: number;
}
