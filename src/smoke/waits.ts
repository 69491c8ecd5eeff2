/** Time limits of a smoke, in milliseconds. Tests shorten them. */
export interface SmokeWaits {
  /** One request, including connection and body. */
  requestMs: number;
  /** The whole suite on one tenant, including retries but not clean-up. */
  suiteMs: number;
  /** Retry budget for a tenant that does not answer, shared by all checks. */
  retryBudgetMs: number;
  /** Pause before the second try; doubled before each further one, up to `maxPauseMs`. */
  pauseMs: number;
  maxPauseMs: number;
  /** Whole clean-up of a tenant. */
  cleanUpMs: number;
}

/** Defaults. Request: as in the script that the gate replaced. Suite: with the clean-up, less than the 3 minutes of the activity. Retry budget: a tenant restarts within 10 to 30 s, and rate limits count per minute. */
export const SMOKE_WAITS: SmokeWaits = {
  requestMs: 20_000,
  suiteMs: 120_000,
  retryBudgetMs: 60_000,
  pauseMs: 1_000,
  maxPauseMs: 8_000,
  cleanUpMs: 20_000,
};

/** Longest `CANARY_SMOKE_TIMEOUT`: the activity that smokes a tenant has 3 minutes, including clean-up. */
export const MAX_SUITE_MS = 150_000;
/** Limit of the clean-up after an abort, which a person waits for. */
export const ABORTED_CLEAN_UP_MS = 5_000;
