import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary } from '../support/canary-process.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const NOT_FOUND = 5;
const UNAUTHENTICATED = 16;

/** What each lane gets from the server now; nothing: everything. */
const refused = new Map<string, number>();
type Worker = ReturnType<typeof canary> & { healthz: () => Promise<number> };
let proxies: Awaited<ReturnType<typeof startTemporalProxy>>[] = [];

const gate = useGate('refused', () => ({ env: { CANARY_UPDATE_TIMEOUT: '5m', CANARY_HOLD_TIMEOUT: '5m' } }));
beforeAll(() => gate().stopWorker());
afterAll(() => Promise.all(proxies.map((proxy) => proxy.stop())));

/** A worker behind a server of its own, whose answers a test changes. */
async function startWorker(lane: string): Promise<Worker> {
  const proxy = await startTemporalProxy(temporalAddress(), () => refused.get(lane));
  proxies = [...proxies, proxy];
  const env = { ...gate().env, CANARY_LANE: lane, TEMPORAL_ADDRESS: proxy.address, CANARY_HTTP_ADDR: '127.0.0.1:0' };
  const worker = canary(['worker'], env);
  const address = await until(
    'it listens',
    () => /"address":"(127[^"]+)"/.exec(worker.said().split('http.listening')[1] ?? '')?.[1],
    60_000,
  );
  await until('it has started', () => worker.said().includes('worker.started'));
  return { ...worker, healthz: async () => (await fetch(`http://${address}/healthz`)).status };
}

/** What a worker printed beside its log. */
const errors = (worker: Worker) =>
  worker
    .said()
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('{'));

describe('a worker that Temporal refuses', () => {
  fullTest(
    'ends with 4 and one line, busy or idle, whatever the SDK does with it, and is no longer healthy before',
    async () => {
      const [busy, idle, homeless] = await Promise.all([
        startWorker('refused'),
        startWorker('refused-idle'),
        startWorker('refused-gone'),
      ]);
      const sha = newSha();
      await gate().begin(newSha());
      await gate().publish(sha);
      const run = await gate().release({ sha });
      await until('it waits for the tenants', async () => (await gate().phaseOf(sha)) === 'awaiting-canary', 60_000);
      expect(await busy.healthz()).toBe(200);

      refused.set('refused', UNAUTHENTICATED).set('refused-idle', UNAUTHENTICATED).set('refused-gone', NOT_FOUND);
      // A poll that waits is refused only after a minute, when it is repeated; a lost connection repeats it now.
      for (const proxy of proxies) {
        proxy.cut();
        proxy.heal();
      }
      const fate = async (worker: Worker) => {
        await until(
          'the SDK gives up',
          () => worker.said().includes('Worker failed') || worker.child.exitCode !== null,
          150_000,
        );
        const failedAt = Date.now();
        const healthz = await worker.healthz().catch(() => null);
        return { code: await worker.exit, healthz, isInTime: Date.now() - failedAt < 30_000 };
      };
      // It may be gone before it is asked.
      const ended = { code: 4, healthz: expect.toBeOneOf([503, null]), isInTime: true };
      expect(await Promise.all([busy, idle, homeless].map(fate))).toEqual([ended, ended, ended]);
      const line = (what: string) => [expect.stringMatching(what)];
      expect(errors(busy)).toEqual(
        line('^canary: Temporal at 127.* refuses this worker: not for you: set TEMPORAL_API_KEY, or '),
      );
      expect(errors(idle)).toEqual(
        line('^canary: Temporal at 127.* refuses this worker: not for you: set TEMPORAL_API_KEY, or '),
      );
      expect(errors(homeless)).toEqual(line('^canary: '));
      await run.terminate('the test');
    },
    240_000,
  );
});
