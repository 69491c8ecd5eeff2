import type { FailureType } from './failures.js';

/** A decision that a person makes about a run. */
export type Verb = 'approve' | 'abort' | 'retry';

/** One hold: a row says all that depends on it. */
interface HoldRow {
  means: string;
  /** What `approve` does; null where it does not apply. `abort` ends the release in every hold. */
  approve: string | null;
  /** What `retry` does; null where it does not apply. */
  retry: string | null;
  phase: 'held' | 'awaiting-approval';
  /** An approval of it is the authorization to promote. */
  promotes: boolean;
  /** A decision must name the hold's id. */
  needsId: boolean;
  /** The failure type that leads to it. */
  fault?: FailureType;
  /** The canary tenants left the build: a release that is preempted meanwhile counts towards the alarm `starved`. */
  isCanaryGone?: boolean;
  lookAt: string;
  /** A page of docs/runbook/. */
  page: string;
}

const HELD = { phase: 'held', promotes: false, needsId: true, page: 'holds.md' } as const;
const TRY_AGAIN = { ...HELD, approve: null, retry: 'try again' } as const;

/** Why a release waits for a person. A hold ends by its time-out as `CanaryHoldExpired`, never by promoting. */
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
    retry: 'start over from resolving',
    lookAt: 'who pushed it, e.g. a re-run of the publish job',
  },
  'could-not-test': {
    ...HELD,
    means: 'a tenant was unreachable, answered 429 or 5xx, or refused the token',
    approve: 'go on without that evidence',
    retry: 'test those tenants again',
    lookAt: 'the tenant, and its token',
    page: 'rotate-a-token.md',
  },
  'canary-left': {
    ...HELD,
    means: 'a tenant left the build four times during the soak, or after the smoke',
    approve: null,
    retry: 'soak again',
    isCanaryGone: true,
    lookAt: 'crash loops, or another build that took the fleet',
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
    means: 'the registry failed for 15 minutes, or refused one image and the other was restored',
    fault: 'RegistryUnavailable',
    lookAt: 'the registry',
    page: 'registry-down.md',
  },
  'secret-missing': {
    ...TRY_AGAIN,
    means: "no worker had a tenant's token for 5 minutes",
    fault: 'SecretMissing',
    lookAt: "the worker's configuration, or two workers that differ (`canary doctor`)",
  },
  'timed-out': {
    ...TRY_AGAIN,
    means: 'no worker finished a step in time, twice in a row',
    fault: 'TimedOut',
    lookAt: "the worker's load and log",
    page: 'dead-worker.md',
  },
  approval: {
    ...HELD,
    means: 'all is green, and a person is asked: approval is required, something is unconfirmed, …',
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

export const holdRow = (name: HoldName): HoldRow => HOLDS[name];

/** The hold that a fault leads to: it may go away, and a person is asked whether to try on. */
export function holdOfFault(type: string | null | undefined): HoldName | null {
  const names = Object.keys(HOLDS) as HoldName[];
  return names.find((name) => holdRow(name).fault !== undefined && holdRow(name).fault === type) ?? null;
}

/** What a release waits for. A decision is for one hold, by its id. */
export interface Hold {
  id: string;
  name: HoldName;
  why: string;
  /** ISO 8601. */
  since: string;
  /** When it expires, ISO 8601. */
  until: string;
}

/** What a decision would do now, or why it would be refused. */
export interface DecisionEffect {
  isAllowed: boolean;
  text: string;
}

/** What a person sends with a decision. */
export interface DecisionInput {
  by: string;
  reason: string;
  hold?: string;
}

/** A decision that was taken, kept with the run. */
export interface Decision extends DecisionInput {
  verb: Verb;
  /** ISO 8601. */
  at: string;
  /** The hold it ended; absent for an abort outside of one. */
  holdName?: HoldName;
}
