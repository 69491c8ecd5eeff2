/** How long a smoke waits for what, in milliseconds. Tests shorten them. */
export interface SmokeWaits {
  /** One request, connecting and body included. */
  requestMs: number;
  /** The whole suite on one tenant, retries included; clean-up comes after it. */
  suiteMs: number;
  /** The retry budget for a tenant that does not answer, all checks together. */
  retryBudgetMs: number;
  /** Before the second try; each further one waits twice as long, up to `maxPauseMs`. */
  pauseMs: number;
  maxPauseMs: number;
  /** All clean-up of a tenant. */
  cleanUpMs: number;
}

/** Request: as the old script had it. Suite: together with the clean-up below the 3 minutes of the activity. Patience: a tenant restarts within 10 to 30 s, and a rate limit is by the minute. */
export const SMOKE_WAITS: SmokeWaits = {
  requestMs: 20_000,
  suiteMs: 120_000,
  retryBudgetMs: 60_000,
  pauseMs: 1_000,
  maxPauseMs: 8_000,
  cleanUpMs: 20_000,
};

/** The longest `CANARY_SMOKE_TIMEOUT`: the activity that smokes a tenant has 3 minutes, clean-up included. */
export const MAX_SUITE_MS = 150_000;
/** What clean-up gets of its time when the run was aborted: a person waits. */
export const ABORTED_CLEAN_UP_MS = 5_000;
