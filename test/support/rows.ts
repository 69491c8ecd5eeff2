import { describe, test } from 'vitest';

/** Set by `npm run test:full` and for the mutants. */
const isFull = Boolean(process.env.CANARY_ALL_ROWS);

/**
 * Rows of a test that takes seconds for each: all of them in `npm run test:full` and for the mutants, else those that are kept. What
 * the others show is shown only before a release (ADR 34).
 */
export const rows = <T>(all: readonly T[], kept: readonly NoInfer<T>[]): T[] => {
  const missing = kept.filter((row) => !all.includes(row));
  if (missing.length > 0) throw new Error(`no such row: ${missing}`);
  return [...(isFull ? all : kept)];
};

/** Rows of such a test: all of them, else the first ones. Rows that are left out are in no count of skipped tests. */
export const firstRows = <T>(count: number, all: readonly T[]): T[] => {
  if (count < 1) throw new Error('no row is left in npm test, and none is counted as skipped: use fullTest');
  return isFull ? [...all] : all.slice(0, count);
};

/** Number of random runs of a property: all of them, else those that `npm test` has the time for. */
export const runs = (all: number, kept: number): number => (isFull ? all : kept);

/**
 * As `test`, in `npm run test:full` and for the mutants alone: it takes seconds, so its rule is shown only before a release,
 * also where no other test shows it (ADR 34).
 */
export const fullTest = test.runIf(isFull);

/** As `describe`, for such tests that share a set-up of seconds. */
export const fullDescribe = describe.runIf(isFull);
