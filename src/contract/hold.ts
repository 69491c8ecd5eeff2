import type { FailureType } from './failures.js';
import type { VerifiedIdentity } from './identity.js';

/** Decision that a person makes about a run. */
export type DecisionName = 'approve' | 'abort' | 'retry';

/** Row of a hold: everything that depends on it. */
interface HoldRow {
  means: string;
  /** Effect of `approve`; null if it does not apply. `abort` ends the release in every hold. */
  approve: string | null;
  /** Effect of `retry`; null if it does not apply. */
  retry: string | null;
  phase: 'held' | 'awaiting-approval';
  /** Whether an approval of this hold authorizes the promotion. */
  promotes: boolean;
  /** Whether a decision must name the hold's id. */
  needsId: boolean;
  /** Failure type that leads to this hold. */
  fault?: FailureType;
  /** Whether the canary tenants left the build: a release that is preempted in this hold counts towards the alarm `consecutive-preemptions`. */
  isCanaryGone?: boolean;
  lookAt: string;
  /** Page in docs/runbook/. */
  page: string;
}

const HELD = { phase: 'held', promotes: false, needsId: true, page: 'holds.md' } as const;
const TRY_AGAIN = { ...HELD, approve: null, retry: 'try again' } as const;

/** Kind of an open point: what a person accepts by an approval. */
type OpenPointKind =
  | 'own-approval'
  | 'approval-required'
  | 'rejected'
  | 'not-tested'
  | 'unconfirmed'
  | 'could-not-test'
  | 'foreign-revision'
  | 'repushed'
  | 'no-latest'
  | 'red-while-moving'
  | 'interrupted-while-moving';

/** Open point: what was not tested or confirmed, or speaks against a move. Only a person can accept it. */
export interface OpenPoint {
  kind: OpenPointKind;
  /** Tenant, check, image or run that it is about; with the kind it identifies the point within a run. */
  about?: string;
  /** One line for people. It may be public: it names tenants, checks and images, and quotes no answer (I5). */
  text: string;
}

/** Whether two open points are the same, whatever their texts. */
export const isSamePoint = (one: OpenPoint, other: OpenPoint): boolean =>
  one.kind === other.kind && one.about === other.about;

/** Holds, in which a release waits for a person. A hold ends by its time-out as `CanaryHoldExpired`, never by promoting. */
export const HOLDS = {
  'canary-not-updated': {
    ...HELD,
    means: 'a tenant still runs another build at the deadline',
    approve: null,
    retry: 'wait for the canary tenants again',
    isCanaryGone: true,
    lookAt: "the tenant's auto-updater and its `TENANT_IMAGE`",
  },
  'build-unreported': {
    ...HELD,
    means: 'a tenant does not report which build it runs',
    approve: 'go on as unconfirmed; the smoke must still be green',
    retry: 'ask the tenants again',
    lookAt: "the tenant's `/health`, and `CANARY_BUILD_PROBE`",
  },
  'build-repushed': {
    ...HELD,
    means: '`:staging-<sha7>` was pushed again after its digest was pinned',
    approve: null,
    retry: 'start over from resolving; the promotion then waits for an approval',
    lookAt:
      'who pushed it, e.g. a re-run of the publish job; restart every tenant before the retry, for one that runs the earlier image reports the same build',
  },
  'could-not-test': {
    ...HELD,
    means: 'a tenant was unreachable, answered 429 or 5xx, or refused the token',
    approve: 'go on without that evidence',
    retry: 'test those tenants again',
    lookAt: 'the tenant, and its token',
    page: 'rotate-a-token.md',
  },
  'canary-unstable': {
    ...HELD,
    means: 'a tenant stopped answering or left the build three times between the soak and the move',
    approve: null,
    retry: 'wait for the build again, then soak from zero',
    isCanaryGone: true,
    lookAt: 'crash loops, another build that took the fleet, or a token that the tenant refuses',
  },
  'too-few-tenants': {
    ...HELD,
    means: 'fewer tenants than `CANARY_MIN_TENANTS` are left: the others are in quarantine, or no longer in the fleet',
    approve: null,
    retry: 'read the fleet again, and start over from resolving',
    lookAt: '`canary tenants list`; `canary tenants unquarantine` takes a tenant back',
  },
  'latest-moved': {
    ...HELD,
    means: '`:latest` was moved from outside, or the lane is on hold',
    approve: 'promote over exactly the digests shown',
    retry: 'read :latest again',
    promotes: true,
    lookAt: "who moved it, in the registry's log",
    page: 'lane-holds.md',
  },
  'registry-down': {
    ...TRY_AGAIN,
    means:
      'the registry failed for 15 minutes, refused credentials that were good before, or refused one image and the others were restored; or the mover was terminated or lost contact half-way',
    fault: 'RegistryUnavailable',
    lookAt: 'the registry, and whether the credentials have expired or were revoked',
    page: 'registry-down.md',
  },
  'secret-missing': {
    ...TRY_AGAIN,
    means: "no worker had a tenant's token for 5 minutes, or the tenant left the fleet",
    fault: 'SecretMissing',
    lookAt:
      "the worker's configuration, or two workers that differ (`canary doctor`); if the tenant left the fleet, abort and release the build again",
  },
  'timed-out': {
    ...TRY_AGAIN,
    means: 'no worker finished a step in time, or the lane did not answer, twice in a row',
    fault: 'TimedOut',
    lookAt: "the worker's load and log",
    page: 'dead-worker.md',
  },
  approval: {
    ...HELD,
    means: 'every check passed, and a person must approve: approval is required, something is unconfirmed, …',
    approve: 'promote',
    retry: null,
    phase: 'awaiting-approval',
    promotes: true,
    needsId: false,
    lookAt: 'the reason that is shown',
  },
  'after-rollback': {
    ...HELD,
    means: 'the lane is on hold after a rollback',
    approve: 'promote, and lift the hold after the rollback',
    retry: 'look at the hold again',
    phase: 'awaiting-approval',
    promotes: true,
    lookAt: 'the reason of the rollback',
    page: 'lane-holds.md',
  },
} as const satisfies Record<string, HoldRow>;
export type HoldName = keyof typeof HOLDS;

/** What a release waits for while its lane is paused: no hold, for `canary resume` ends it, and no decision about the release but abort. */
export const PAUSED = 'paused';
/** All that a release may wait for a person for. */
export type WaitedFor = HoldName | typeof PAUSED;
export const WAITED_FOR: readonly WaitedFor[] = [...(Object.keys(HOLDS) as HoldName[]), PAUSED];
/** Whether a text names what a release may wait for. */
export const isWaitedFor = (text: unknown): text is WaitedFor => WAITED_FOR.some((one) => one === text);

/** Row of a hold, with its optional fields. */
export const holdRow = (name: HoldName): HoldRow => HOLDS[name];

/** Hold that a failure type leads to, because the fault may pass; null if it ends the run. */
export function holdOfFault(type: FailureType | null): HoldName | null {
  const names = Object.keys(HOLDS) as HoldName[];
  return names.find((name) => holdRow(name).fault !== undefined && holdRow(name).fault === type) ?? null;
}

/** Open hold of a release. A decision applies to one hold, by its id. */
export interface Hold {
  id: string;
  name: HoldName;
  why: string;
  /** ISO 8601. */
  since: string;
  /** Expiry, ISO 8601. */
  until: string;
}

/** Effect of a decision now, or why it would be refused. */
export interface DecisionEffect {
  isAllowed: boolean;
  text: string;
}

/** Payload of a decision. */
export interface DecisionInput {
  by: string;
  reason: string;
  hold?: string;
  /** Identity of who decided, if it was verified; `by` names it then. */
  verified?: VerifiedIdentity;
}

/** Decision that was accepted; the run keeps it. */
export interface Decision extends DecisionInput {
  verb: DecisionName;
  /** ISO 8601. */
  at: string;
  /** Hold that it ended; absent for an abort without a hold. */
  holdName?: HoldName;
}
