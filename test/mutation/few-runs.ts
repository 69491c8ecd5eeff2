import * as fc from '../../node_modules/fast-check/lib/fast-check.js';

export * from '../../node_modules/fast-check/lib/fast-check.js';

/** Runs of each property in a mutation run: a survivor pays for all of them. */
const RUNS = 60;

/** `fc.assert` with few runs. */
const assert: typeof fc.assert = (property, options) =>
  // biome-ignore lint/suspicious/noExplicitAny: the overloads differ only in the types of the values.
  (fc.assert as any)(property, { ...options, numRuns: Math.min(options?.numRuns ?? RUNS, RUNS) });

export { assert };
export default { ...fc, assert };
