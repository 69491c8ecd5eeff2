/**
 * Rows of a test that takes seconds for each: all of them in `npm run test:full` and for the mutants, else those that are kept, because
 * the others take the same way through the code.
 */
export const rows = <T>(all: readonly T[], kept: readonly NoInfer<T>[]): T[] => {
  const missing = kept.filter((row) => !all.includes(row));
  if (missing.length > 0) throw new Error(`no such row: ${missing}`);
  return [...(process.env.CANARY_ALL_ROWS ? all : kept)];
};
