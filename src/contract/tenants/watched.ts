/** Stretch of time in which a watch saw every canary tenant on the build. It proves a soak; a timer does not. */
export interface WatchedStretch {
  /** First and last round of probes in which every tenant was on the build, ISO 8601. */
  from: string;
  until: string;
  /** Time from the first to the last round, in milliseconds, by a clock that does not jump. */
  watchedMs: number;
  /** Longest time from one round to the next, in milliseconds. */
  longestGapMs: number;
  rounds: number;
  /** Tenants that were in quarantine in its last round: it proves nothing about them. */
  left?: string[];
}

/** Interruption: a canary tenant stopped answering, or left the build. */
export interface Interruption {
  tenant: string;
  /** First probe that got no usable answer, ISO 8601. */
  from: string;
  /** When every tenant was seen on the build again, ISO 8601; null before. */
  to: string | null;
  /** What was answered: `/health: status 503`, `reports 9e82b1d`. It contains no body. */
  answered: string;
}

/** A soak whose proof was lost, so that it began again, although no tenant was interrupted. */
export interface LostProof {
  /** ISO 8601. */
  at: string;
  /** One line. */
  why: string;
}
