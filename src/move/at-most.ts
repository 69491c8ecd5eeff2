/**
 * Lets at most `most` run at a time, in the order in which they asked. One that waited for `stuckMs` in which none ended runs anyway: what
 * does not end must not stop the others, and many that do end are no reason to run beside them.
 */
export function atMost(most: number, stuckMs: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0;
  /** When one ended last, by `performance.now()`. */
  let ended = Number.NEGATIVE_INFINITY;
  const waiting: (() => void)[] = [];
  const place = () =>
    new Promise<void>((resolve) => {
      const asked = performance.now();
      const go = () => {
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(go), 1);
        running += 1;
        resolve();
      };
      const goIfStuck = () => {
        const leftMs = Math.max(asked, ended) + stuckMs - performance.now();
        if (leftMs <= 0) go();
        else timer = setTimeout(goIfStuck, leftMs);
      };
      let timer = setTimeout(goIfStuck, stuckMs);
      waiting.push(go);
    });
  return async (run) => {
    if (running < most) running += 1;
    else await place();
    try {
      return await run();
    } finally {
      running -= 1;
      ended = performance.now();
      if (running < most) waiting[0]?.();
    }
  };
}
