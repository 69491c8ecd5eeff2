import { queryObjects } from 'node:v8';
import { Client, Connection } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import proto from '@temporalio/proto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { retryMissingSecret, SecretMissing } from '../../activities/failures.js';
import { whileWaiting } from '../../activities/heartbeat.js';
import { createWaitActivities, LANE_POLL_MS } from '../../activities/waits.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';
import { until } from '../support/until.js';

const service = proto.temporal.api.workflowservice.v1;
/** Class of the events that a client reads. */
const { ctor: HistoryEvent } = proto.temporal.api.history.v1.HistoryEvent as unknown as { ctor: new () => object };
/** Events of one long poll. */
const EVENTS = 100;
const POLLS = 8;

let polls = 0;
/** Whether no event arrives, as of a lane whose worker is slow or gone; or each tells of a workflow task. */
let isQuiet = false;
let isBusy = false;
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
beforeAll(async () => {
  server = await startFixedTemporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    GetWorkflowExecutionHistory: () => {
      polls += 1;
      if (isQuiet) return 'silent';
      const event = isBusy ? { workflowTaskCompletedEventAttributes: {} } : {};
      const events = Array.from({ length: EVENTS }, () => event);
      const nextPageToken = Buffer.from('more');
      return service.GetWorkflowExecutionHistoryResponse.encode({ history: { events }, nextPageToken }).finish();
    },
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  // The server answers first what still waits.
  const stopped = server.stop();
  await connection.close();
  await stopped;
});

/** The activities of a worker that wait for this lane. */
const waitsOn = (lane: object, client = new Client({ connection }), stopping = new AbortController().signal) =>
  createWaitActivities({ client, stopping, lane, config: { lane: '' } } as never);

/** Runs a wait until it has polled a few times; how many events are then in memory. */
async function eventsKept(wait: (client: Client, stopping: AbortSignal) => Promise<unknown>): Promise<number> {
  polls = 0;
  const stop = new AbortController();
  const ended = wait(new Client({ connection }), stop.signal).catch(() => undefined);
  await until('it has polled', () => polls > POLLS);
  const kept = Number(queryObjects(HistoryEvent));
  stop.abort();
  await ended;
  return kept;
}

test('an activity that waits keeps no event of the history that it follows', async () => {
  const environment = new MockActivityEnvironment();
  const kept = await eventsKept((client, stopping) =>
    environment.run(() => whileWaiting({ client, stopping }, (wait) => wait.sleep(60_000))),
  );
  expect(kept).toBeLessThanOrEqual(2 * EVENTS);
});

test('one that waits for the lane keeps no event of its history', async () => {
  const environment = new MockActivityEnvironment();
  const status = { pause: {} };
  const lane = { position: async () => ({ status }) };
  const kept = await eventsKept((client, stopping) => {
    stopping.addEventListener('abort', () => environment.cancel());
    return environment.run(waitsOn(lane, client, stopping).awaitResume);
  });
  expect(kept).toBeLessThanOrEqual(4 * EVENTS);
});

test.each([
  ['back', -3_600_000],
  ['forth', 3_600_000],
])('one that waits for a lane asks on at its pace, though the clock is set %s by an hour', async (_, byMs) => {
  isBusy = true;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => {
    isBusy = false;
    vi.useRealTimers();
  });
  const askedAt: number[] = [];
  const lane = {
    joinQueue: async () => undefined,
    openRun: async () => 'one-run',
    async position() {
      if (askedAt.push(performance.now()) === 2) vi.setSystemTime(Date.now() + byMs);
      return { isKnown: true, result: askedAt.length > 4 ? { fencingToken: 7 } : null };
    },
  };
  const { waitForLane } = waitsOn(lane);
  const result = await new MockActivityEnvironment().run(waitForLane as never, {} as never);
  expect(result).toEqual({ fencingToken: 7 });
  const pauses = askedAt.slice(2).map((at, index) => at - (askedAt[index + 1] ?? 0));
  for (const pause of pauses) expect(pause).toBeGreaterThan(LANE_POLL_MS - 10);
});

test('one that waits for the end of a pause starts a lane that was ended meanwhile', async () => {
  const begun: number[] = [];
  let asked = 0;
  const lane = {
    async position() {
      asked += 1;
      return begun.length > 0 || asked > 3 ? { status: { pause: null } } : null;
    },
    begin: async () => void begun.push(asked),
  };
  const { awaitResume } = waitsOn(lane);
  await new MockActivityEnvironment().run(awaitResume);
  expect(begun).toEqual([1]);
});

test('one that waits for a lane that does nothing asks it once between two requests', async () => {
  isQuiet = true;
  const environment = new MockActivityEnvironment();
  const [asked, joined] = [[] as number[], [] as number[]];
  const lane = {
    position: async () => void asked.push(joined.length),
    openRun: async () => 'one-run',
    joinQueue: async () => void joined.push(asked.length),
  };
  const { waitForLane } = waitsOn(lane);
  const ended = environment.run(waitForLane as never, {} as never).catch(() => undefined);
  await until('it has requested again', () => joined.length > 1);
  environment.cancel();
  await ended;
  expect(asked.filter((requests) => requests === 1).length).toBeLessThanOrEqual(2);
});

test('one that lacks a secret again passes on what it has noted since, and has all of its retry budget', async () => {
  const before = { stretch: 'of the attempt before', lackingSince: Date.now() - 120_000 };
  const environment = new MockActivityEnvironment({
    heartbeatDetails: before,
    currentAttemptScheduledTimestampMs: Date.now(),
  });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details) => beats.push(details));
  const dependencies = { client: new Client({ connection }), stopping: new AbortController().signal };
  const lacks = environment.run(() =>
    whileWaiting(dependencies, (wait) =>
      retryMissingSecret(
        60_000,
        async () => {
          wait.note({ stretch: 'of this attempt' });
          throw new SecretMissing('canary-1');
        },
        wait,
      ),
    ),
  );
  await expect(lacks).rejects.toMatchObject({ type: 'SecretMissing', nonRetryable: false });
  expect(beats.at(-1)).toEqual({ stretch: 'of this attempt', lackingSince: null });
});

test('a step that lacks a secret has all of its retry budget, though it waited for hours for a worker', async () => {
  const lack = async (heartbeatDetails: unknown, scheduledMsAgo: number) => {
    const environment = new MockActivityEnvironment({
      heartbeatDetails,
      currentAttemptScheduledTimestampMs: Date.now() - scheduledMsAgo,
    });
    let beat: unknown;
    environment.on('heartbeat', (details) => {
      beat = details;
    });
    const run = () => Promise.reject(new SecretMissing('canary-1'));
    const lacks = environment.run(() => retryMissingSecret(60_000, run));
    const { nonRetryable } = await lacks.then(
      () => expect.unreachable(),
      (error: ApplicationFailure) => error,
    );
    return { nonRetryable, beat };
  };
  const first = await lack(undefined, 3 * 3_600_000);
  expect(first).toEqual({ nonRetryable: false, beat: { lackingSince: null } });
  const second = await lack(first.beat, 0);
  expect(second).toEqual({ nonRetryable: false, beat: { lackingSince: expect.any(Number) } });
  const { lackingSince } = second.beat as { lackingSince: number };
  expect(await lack({ lackingSince: lackingSince - 60_000 }, 0)).toMatchObject({ nonRetryable: true });
});
