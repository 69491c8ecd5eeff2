import type { FailureType } from './failures.js';
import type { Decision, DecisionEffect, DecisionName, Hold, HoldName, OpenPoint } from './hold.js';
import type { ApproverRules, ReleaseApprovers, VerifiedIdentity } from './identity.js';
import type { Digest, ImageChange, Repository, Tag } from './image.js';
import type { MovedImage, MoveRefusalReason, OnlyFrom } from './move.js';
import type { Sha } from './sha.js';
import type { BuildSource, TenantBuild } from './tenants/build.js';
import type { BuildVerdict, TenantSmoke } from './tenants/check.js';
import type { FleetRules } from './tenants/quarantine.js';
import type { Interruption, LostProof, WatchedStretch } from './tenants/watched.js';

/** Phases of a run, a sentence for each. */
export const RELEASE_PHASES = {
  queued: 'Waits for the lane: one build at a time uses the canary fleet.',
  resolving: 'Reads the digest of each image, once: from here on only these digests count.',
  'awaiting-canary': 'Waits until every canary tenant reports that it runs the build.',
  soaking: 'Lets the build run on every canary tenant for the soak time, watched.',
  smoking: 'Runs the smoke suite on every canary tenant.',
  'awaiting-approval': 'All is green; a person must approve.',
  announcing: 'A rollback announces itself to the lane, so that nothing else moves.',
  promoting: ':latest of all images is being moved, together.',
  held: 'Waits for the decision of a person.',
  done: 'Ended.',
} as const;
/** Phase of a run. */
export type ReleasePhase = keyof typeof RELEASE_PHASES;
/** Whether a text names a phase. */
export const isReleasePhase = (text: unknown): text is ReleasePhase =>
  typeof text === 'string' && Object.hasOwn(RELEASE_PHASES, text);

/** Outcomes of a run that completes, a sentence for each. Any other end is a failure of a type in `FAILURE_TYPES`. */
export const OUTCOMES = {
  promoted: ':latest of every image is on the tested digests.',
  superseded: 'A newer build is released instead.',
  skipped: 'No canary fleet is configured, so nothing was tested and nothing moved.',
  'rolled-back': ':latest of every image is back on the build.',
  already: ':latest of every image was on the build before the rollback.',
} as const;
export type RunOutcome = keyof typeof OUTCOMES;
export type ReleaseOutcome = Extract<RunOutcome, 'promoted' | 'superseded' | 'skipped'>;
/** Outcome of a rollback that completes. */
export type RollbackOutcome = Extract<RunOutcome, 'rolled-back' | 'already'>;

/** Input of a `CanaryRelease`: JSON that people may type by hand in the Temporal UI. */
export interface ReleaseInput {
  sha: Sha;
  /** Number that grows from build to build: on GitHub the id of the publish run. */
  sequence?: number;
  requestedBy?: string;
  commitUrl?: string;
  /** Soak time, e.g. "10m"; shorter than configured only with `force`. */
  soak?: string;
  /** Requires an approval, even if the configuration does not. */
  approval?: 'required';
  /** Promotes without wait, soak and smoke, in the name of `requestedBy` and for `reason`. */
  promoteOnly?: boolean;
  /** Allows less than configured, or with `promoteOnly` a known-bad build; needs a reason, and then an approval. */
  force?: boolean;
  reason?: string;
  /** Oldest build that can run on the data of this one, beside the label of its images. */
  floor?: Sha;
}

/** Plan of a run, fixed from `resolving` to its end even if the configuration changes. It contains no secret. */
export interface Plan extends FleetRules {
  images: Repository[];
  /** Those of them that the build may leave out; absent: none. */
  optional?: Repository[];
  tenants: PlannedTenant[];
  /** Tag that the canary tenants follow, if the gate points it. */
  tag?: Tag;
  /** Where tenants report their build; empty: no run can confirm its build. */
  buildProbe: BuildSource[];
  soakMs: number;
  pollMs: number;
  /** Time for the tenants to report the build. */
  updateTimeoutMs: number;
  /** Interval of the probes from the soak to the move: the build of each tenant, and the suite's read-only checks. */
  soakProbeMs: number;
  approval: 'auto' | 'required';
  holdTimeoutMs: number;
  /** Time in which a GREEN build that waits only for a person cannot be preempted by a newer one. */
  holdGraceMs: number;
  /** Time for which transient faults are retried before the release is held, in milliseconds: `registry` down, `secret` missing; `smoke`: longest smoke of one tenant. */
  retryBudgetMs: { registry: number; secret: number; smoke: number };
  /** Whether payloads are encrypted: then no search attribute, which is plain, names a tenant. */
  hidesTenants?: boolean;
  /** Who may approve; absent: anybody. */
  approvers?: ApproverRules;
  /** Whether `promoteOnly` needs a verified identity. */
  promoteVerified?: true;
}

/** A tenant by name and origin (`https://host:port`); its token is looked up by origin where it is used. */
export interface PlannedTenant {
  name: string;
  origin: string;
  /** Where it reports its build, if different from the plan's `buildProbe`. Empty: nowhere. */
  buildProbe?: BuildSource[];
}

/** Pinned image of a build: the digests of `:staging-<sha>` and `:latest` when the run read them. */
export interface PinnedImage {
  repository: Repository;
  digest: Digest;
  /** Digest of `:latest` at `resolving`; null if there was none. */
  latest: Digest | null;
  /** Commit in the image's revision label (`org.opencontainers.image.revision`), if it has one. */
  revision?: string;
  /** Why the target of a rollback is, or may be, below a rollback floor: the same on each image, for it is about the build. */
  belowFloor?: string;
  /** Why it is not known whether it is; the same on each image. */
  floorUnread?: string;
  /** Manifests of the target of a rollback that are gone from the registry. */
  missing?: MissingManifest[];
  /** Whether the build has no image of it: `digest` is where its `:latest` was. */
  unchanged?: true;
  /** How it differs from the image at `:latest`; absent for a rollback, and if it could not be read. */
  change?: ImageChange;
}

/** Manifest of an index that is gone: of a platform, or an attestation, which no machine pulls. */
export interface MissingManifest {
  digest: Digest;
  of: 'platform' | 'attestation';
}

/** Start and end of a run, and the time in each phase. */
export interface RunTimes {
  /** ISO 8601. */
  started: string;
  ended: string;
  phases: PhaseTime[];
}

/** Result of a `CanaryRelease`, or the first detail of its failure; it includes the input. */
export interface ReleaseReport extends ReleaseInput, RunTimes {
  /** Identity of who requested it, if it was verified; `requestedBy` names it then. */
  verified?: VerifiedIdentity;
  outcome: ReleaseOutcome | FailureType;
  /** Summary, one line. */
  why: string;
  images: (PinnedImage | MovedImage)[];
  tenants: TenantSmoke[];
  /** Verdict on the build; absent without one. */
  verdict?: BuildVerdict['verdict'];
  /** Earlier verdict RED on the build, unless this run found it GREEN. */
  rejected?: BuildVerdict;
  decisions: Decision[];
  /** What was not tested or not confirmed, and promoted on the decision of a person. */
  notTested: OpenPoint[];
  /** What was unusual about the fleet, one line each. */
  fleetNotes?: string[];
  /** Stretch that was watched, from the soak to the move; absent if no watch proved one. */
  watched?: WatchedStretch;
  /** Newest interruptions. */
  interruptions?: Interruption[];
  /** Number of tenants that were left out because the report would be too long. */
  tenantsLeftOut?: number;
}

/** Whether a report is that of a release: a rollback tests no tenant. */
export const isReleaseReport = (report: ReleaseReport | RollbackReport | null): report is ReleaseReport =>
  Array.isArray(Object(report).tenants);

/** What a rollback goes on in spite of. */
export interface RollbackNotes {
  /** Whether the lane did not answer, so that the rollback goes on without it. */
  laneUnavailable?: boolean;
  /** What is wrong with the target, and does no harm. */
  warnings?: string[];
  /**
   * Images that stay where they are, because the gate never moved them to this build: those of the gate that were added since, and those
   * that a person adopted with it and that the gate no longer has.
   */
  notMoved?: Repository[];
}

/** Answer to the query `status`. */
export interface ReleaseStatus extends RollbackNotes {
  sha: string;
  phase: ReleasePhase;
  /** Start of this phase, ISO 8601. */
  since: string;
  /** What the run waits for, or how it ended. */
  why: string;
  /** Time in each phase. */
  phases: PhaseTime[];
  /** Latest end of this phase, ISO 8601; null if it has no bound. */
  until: string | null;
  /** Effect of each decision now, or why it would be refused; a rollback has only `abort`. */
  commands?: Record<DecisionName, DecisionEffect>;
  images: (PinnedImage | MovedImage)[];
  builds: TenantBuild[];
  tenants: TenantSmoke[];
  /** What is unusual about the fleet, one line each. */
  fleetNotes?: string[];
  /** Stretch that was watched, once the soak is proved. */
  watched?: WatchedStretch;
  /** Newest interruptions. */
  interruptions?: Interruption[];
  /** The last proof that was lost; absent: none was. */
  lostProof?: LostProof;
  /** Open hold. */
  hold: Hold | null;
  /** Decision that ended this hold, or that ends the run. */
  decided: Decision | null;
  /** Whether the mover is started, or a rollback takes over from another one: from then on the move finishes. */
  moving: boolean;
  decisions: Decision[];
  /** Who may approve, and who requested the release; absent: anybody may. */
  approvers?: ReleaseApprovers;
  /** Last signals that were refused. */
  refusals: string[];
}

/** Input of a `Rollback`. */
export interface RollbackInput extends OnlyFrom {
  sha: Sha;
  reason: string;
  requestedBy?: string;
  /** Continues even if an image was built from another commit, the target is known-bad, or the lane does not answer. */
  force?: boolean;
}

/** Result of a `Rollback`, or the first detail of its failure. */
export interface RollbackReport extends RollbackInput, RollbackNotes, RunTimes {
  /** Identity of who requested it, if it was verified; `requestedBy` names it then. */
  verified?: VerifiedIdentity;
  outcome: RollbackOutcome | FailureType;
  /** Reason, if it failed with `MoveRefused`. */
  refusal?: MoveRefusalReason;
  why: string;
  images: (PinnedImage | MovedImage)[];
}

/** Time of a run in one phase, over all visits; one row per hold, so that the rows of a run stay few. */
export interface PhaseTime {
  phase: ReleasePhase;
  hold?: HoldName;
  /** Start of the first visit, ISO 8601. */
  since: string;
  /** End of the last visit, ISO 8601; null during a visit. */
  until: string | null;
  /** Duration of all visits that have ended. */
  ms: number;
  visits: number;
}
