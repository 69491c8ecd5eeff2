import { CancellationScope } from '@temporalio/workflow';

/** Waits for the first of the promises that `begin` starts, and cancels the others. */
export function firstOf<T>(begin: () => Promise<T>[]): Promise<T> {
  const scope = new CancellationScope();
  return scope.run(async () => {
    const begun = begin();
    try {
      return await Promise.race(begun);
    } finally {
      scope.cancel();
      for (const other of begun) other.catch(() => undefined);
    }
  });
}
