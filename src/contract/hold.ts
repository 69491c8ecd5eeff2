/** What people may say to a run. */
export type Verb = 'approve' | 'abort' | 'retry';

/**
 * Why a release waits for a human, and what each verb does then; null where it is refused (protocol §5). `abort` ends the
 * release in every one. A hold ends by itself as `CanaryHoldExpired`, never by promoting.
 */
export const HOLDS = {
  'canary-not-updated': { approve: null, retry: 'wait for the canary tenants again' },
  'build-unreported': {
    approve: 'go on as unconfirmed; the smoke still has to be green',
    retry: 'ask the tenants again',
  },
  'build-repushed': { approve: null, retry: 'start over from resolving' },
  'could-not-test': { approve: 'go on without that evidence', retry: 'test those tenants again' },
  'canary-left': { approve: null, retry: 'soak again' },
  'latest-moved': { approve: 'promote over exactly the digests shown', retry: 'read :latest again' },
  'registry-down': { approve: null, retry: 'try again' },
  'secret-missing': { approve: null, retry: 'try again' },
  /** A step that no worker ended in time, twice in a row. */
  'timed-out': { approve: null, retry: 'try again' },
  approval: { approve: 'promote', retry: null },
  'after-rollback': { approve: 'promote, and lift the hold after the rollback', retry: 'look at the hold again' },
} as const satisfies Record<string, Record<'approve' | 'retry', string | null>>;
export type HoldName = keyof typeof HOLDS;

/** What a release waits for. A decision is for one hold, by its id. */
export interface Hold {
  id: string;
  name: HoldName;
  why: string;
  /** ISO 8601. */
  since: string;
  /** When it ends by itself, ISO 8601. */
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
  /** The hold it ended; none for an abort outside of one. */
  holdName?: HoldName;
}
