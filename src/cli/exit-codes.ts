import type { ReleaseReport, RollbackReport } from '../contract/release.js';

export const EXIT = {
  /** Done as requested, also if it was done before. */
  done: 0,
  /** The gate, or a person, refused. */
  refused: 1,
  /** Usage or configuration. */
  usage: 2,
  /** Ended without a verdict. */
  noVerdict: 3,
  /** Could not be carried out; no verdict about the build. */
  fault: 4,
  /** Not decided when the timeout passed. */
  undecided: 8,
  /** Ctrl-C: detached, nothing is aborted. Other signals have codes of their own (src/cli/interrupt.ts). */
  detached: 130,
} as const;

const REFUSED_OUTCOMES: string[] = ['CanaryRejected', 'CanaryBuildBad', 'CanaryHoldExpired', 'CanaryAborted'];

/** The exit code of a run that ended, by its outcome or failure type. */
export function exitCodeOf(outcome: ReleaseReport['outcome'] | RollbackReport['outcome']): number {
  if (outcome === 'promoted' || outcome === 'rolled-back' || outcome === 'already') return EXIT.done;
  if (outcome === 'superseded' || outcome === 'skipped') return EXIT.noVerdict;
  return REFUSED_OUTCOMES.includes(outcome) ? EXIT.refused : EXIT.fault;
}
