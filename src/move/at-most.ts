/**
 * Lets at most `most` run at a time, in the order in which they asked. One that waited for `patienceMs` runs anyway: what does not end must not
 * stop the others.
 */
export function atMost(most: number, patienceMs: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  const place = () =>
    new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(go), 1);
        running += 1;
        resolve();
      };
      const timer = setTimeout(go, patienceMs);
      waiting.push(go);
    });
  return async (run) => {
    if (running < most) running += 1;
    else await place();
    try {
      return await run();
    } finally {
      running -= 1;
      if (running < most) waiting[0]?.();
    }
  };
}
