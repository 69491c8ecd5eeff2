import { describe, expect, test } from 'vitest';
import type { GateWorker } from '../../workers/create-worker.js';
import { runUntil, WorkerHung } from '../../workers/lifetime.js';

const LIMITS = { stopMs: 600, failedMs: 400 };

/** A worker whose native part does what the switches say. */
function worker({ drains = true } = {}) {
  let settle: (error?: Error) => void = () => undefined;
  let state = 'RUNNING';
  const switches: GateWorker & { fail(error?: Error): void; shutdowns: number } = {
    shutdowns: 0,
    state: () => state,
    run: () =>
      new Promise((resolve, reject) => {
        settle = (error) => (error ? reject(error) : resolve());
      }),
    shutdown() {
      this.shutdowns += 1;
      if (state !== 'FAILED') state = drains ? 'STOPPED' : 'DRAINING';
      if (drains) settle();
    },
    /** Fails; without an error, its run never ends. */
    fail(error) {
      state = 'FAILED';
      if (error) settle(error);
    },
  };
  return switches;
}

async function took(run: Promise<void>): Promise<{ ms: number; error: unknown }> {
  const before = performance.now();
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { ms: performance.now() - before, error };
}

describe('the life of a worker', () => {
  test('ends when it has drained after a signal', async () => {
    const stop = new AbortController();
    const running = took(runUntil(stop.signal, worker(), LIMITS));
    stop.abort();
    expect((await running).error).toBeNull();
  });

  test('ends with what it failed of', async () => {
    const failing = worker();
    const running = took(runUntil(new AbortController().signal, failing, LIMITS));
    failing.fail(new Error('Jwt is expired'));
    expect((await running).error).toEqual(new Error('Jwt is expired'));
  });

  test('ends in time if the native part holds a worker that failed', async () => {
    const failing = worker({ drains: false });
    const running = took(runUntil(new AbortController().signal, failing, LIMITS));
    failing.fail();
    const { ms, error } = await running;
    expect(error).toBeInstanceOf(WorkerHung);
    expect(ms).toBeGreaterThanOrEqual(LIMITS.failedMs);
    expect(failing.shutdowns).toBeGreaterThan(0);
  });

  test('ends at once if a signal comes after it has failed', async () => {
    const failing = worker({ drains: false });
    const stop = new AbortController();
    const running = took(runUntil(stop.signal, failing, { stopMs: 20_000, failedMs: 20_000 }));
    failing.fail();
    stop.abort();
    const { ms, error } = await running;
    expect(error).toBeInstanceOf(WorkerHung);
    expect(ms).toBeLessThan(5_000);
  });

  test('ends in time if it does not drain', async () => {
    const stop = new AbortController();
    const running = took(runUntil(stop.signal, worker({ drains: false }), LIMITS));
    stop.abort();
    const { ms, error } = await running;
    expect(error).toEqual(new WorkerHung('the worker did not end within 0.6 s: it exits, and another one goes on'));
    expect(ms).toBeGreaterThanOrEqual(LIMITS.stopMs);
  });
});
