import { Connection, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { KNOWN } from '../../src/metrics/table.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { canary } from '../support/canary-process.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { fullDescribe } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** Time for a collection and a slow machine, in milliseconds: a worker collects every 15 s. */
const LOOK_MS = 60_000;

/** Value of a series; undefined without it. */
function sampleOf(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const line = text
    .split('\n')
    .find(
      (one) =>
        /^\w+/.exec(one)?.[0] === name &&
        Object.entries(labels).every(([label, value]) => one.includes(`${label}="${value}"`)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** Where a worker serves its metrics, by its log. */
const addressOf = (said: string) => /http\.listening.*"address":"([^"]+)"/.exec(said)?.[1];

fullDescribe('the metrics of a worker', () => {
  let server: TemporalServer;
  const gate = useGate('metrics', async () => {
    server = await startTemporalServer();
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
    return { temporal: server.address, isIdle: true, env: { CANARY_UPDATE_TIMEOUT: '1s', CANARY_HOLD_TIMEOUT: '1h' } };
  });
  let worker: ReturnType<typeof canary>;
  let address: string;
  let held: WorkflowHandle;
  const scrape = async (of = address) => (await fetch(`http://${of}/metrics`)).text();
  const untilValue = (name: string, labels: Record<string, string>, value: number) =>
    until(
      `${name} ${JSON.stringify(labels)} is ${value}`,
      async () => sampleOf(await scrape(), name, labels) === value,
      LOOK_MS,
    );

  beforeAll(async () => {
    worker = canary(['worker'], {
      ...gate().env,
      TEMPORAL_ADDRESS: server.address,
      CANARY_HTTP_ADDR: '127.0.0.1:0',
    });
    address = await until('it listens', () => addressOf(worker.said()));
  });
  afterAll(() => void worker.child.kill('SIGKILL'));

  test('have every counter at 0 before anything happens', async () => {
    const text = await until('it collects', async () => {
      const read = await scrape();
      return read.includes('canary_runs_ended_total') ? read : null;
    });
    for (const [name, known] of Object.entries(KNOWN))
      for (const labels of known) expect([name, labels, sampleOf(text, name, labels)]).toEqual([name, labels, 0]);
    expect(sampleOf(text, 'canary_registry_requests_total', { status: '503' })).toBe(0);
    for (const name of ['canary_resident_memory_bytes', 'canary_heap_used_bytes'])
      expect([name, Number(sampleOf(text, name)) > 1e7]).toEqual([name, true]);
    expect(sampleOf(text, 'canary_event_loop_delay_seconds')).toBeGreaterThanOrEqual(0);
  });

  test(
    'tell of a release that waits for a person: for what, how long, and that the lane is taken',
    async () => {
      const live = newSha();
      await gate().begin(live);
      gate().deploy({ sha: live });
      await untilValue('canary_collector_ok', {}, 1);
      expect(sampleOf(await scrape(), 'canary_waiting', { hold: 'canary-not-updated' })).toBe(0);
      const sha = newSha();
      await gate().publish(sha);
      held = await gate().release({ sha });
      await untilValue('canary_waiting', { hold: 'canary-not-updated' }, 1);
      const text = await scrape();
      expect(sampleOf(text, 'canary_collector_ok')).toBe(1);
      expect(sampleOf(text, 'canary_phase_seconds', { phase: 'held' })).toBeGreaterThanOrEqual(0);
      expect(sampleOf(text, 'canary_holds_total', { hold: 'canary-not-updated' })).toBe(1);
      expect(sampleOf(text, 'canary_hold_timeout_seconds')).toBe(3_600);
      expect(sampleOf(text, 'canary_workers', { queue: 'release' })).toBeGreaterThanOrEqual(1);
      expect(sampleOf(text, 'canary_lane_held', { hold: 'not-recovered' })).toBe(0);
      expect(sampleOf(text, 'canary_stuck_runs')).toBe(0);
      const age = sampleOf(text, 'canary_waiting_seconds', { hold: 'canary-not-updated' }) as number;
      await until(
        'the hold ages',
        async () =>
          (sampleOf(await scrape(), 'canary_waiting_seconds', { hold: 'canary-not-updated' }) as number) > age + 5,
        LOOK_MS,
      );
    },
    3 * LOOK_MS,
  );

  test(
    'of another worker tell the same of the held release, and both tell of two workers',
    async () => {
      const env = { ...gate().env, TEMPORAL_ADDRESS: server.address, CANARY_HTTP_ADDR: '127.0.0.1:0' };
      const other = canary(['worker'], env);
      onTestFinished(() => void other.child.kill('SIGKILL'));
      const beside = await until('the other one listens', () => addressOf(other.said()));
      const told = async (name: string, labels: Record<string, string>) => sampleOf(await scrape(beside), name, labels);
      const isTwo = async () => (await told('canary_workers', { queue: 'release' })) === 2;
      await until('it sees two workers', isTwo, LOOK_MS);
      const isHeld = async () => (await told('canary_waiting', { hold: 'canary-not-updated' })) === 1;
      await until('it sees the held release', isHeld, LOOK_MS);
      await untilValue('canary_workers', { queue: 'release' }, 2);
      expect(sampleOf(await scrape(), 'canary_waiting', { hold: 'canary-not-updated' })).toBe(1);
    },
    3 * LOOK_MS,
  );

  test(
    'tell how long each phase took, and each wait for a person, once a run ends',
    async () => {
      await say(held, 'abort', { ...ada, hold: (await heldFor(gate(), held, 'canary-not-updated')).id });
      await untilValue('canary_runs_ended_total', { workflow: 'CanaryRelease', outcome: 'CanaryAborted' }, 1);
      const text = await scrape();
      expect(sampleOf(text, 'canary_people_wait_seconds_count', { hold: 'canary-not-updated' })).toBe(1);
      expect(sampleOf(text, 'canary_phase_duration_seconds_count', { phase: 'awaiting-canary' })).toBe(1);
      await untilValue('canary_decisions_total', { decision: 'abort' }, 1);
      await untilValue('canary_waiting', { hold: 'canary-not-updated' }, 0);
    },
    2 * LOOK_MS,
  );

  test(
    'tell no old value once Temporal does not answer: the gauges are gone, and canary_collector_ok is 0',
    async () => {
      await gate().replay();
      await server.stop();
      await untilValue('canary_collector_ok', {}, 0);
      for (const name of ['canary_waiting', 'canary_queue_length', 'canary_lane_held', 'canary_workers'])
        await until(`${name} is gone`, async () => sampleOf(await scrape(), name) === undefined, LOOK_MS);
      expect(sampleOf(await scrape(), 'canary_holds_total', { hold: 'canary-not-updated' })).toBe(1);
      expect(worker.said()).toContain('collector.failed');
    },
    2 * LOOK_MS,
  );
});
