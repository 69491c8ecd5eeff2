import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { temporalNow } from '../../activities/clock.js';
import { createMoveActivities } from '../../activities/move.js';
import { laneAuthorizer, type Mover } from '../../activities/move-authorizer.js';
import type { MovedImage, MoveInput } from '../../src/contract/move.js';
import type { MoveAuthorizer } from '../../src/move/write-lease.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import { latest, NAMES, next, old, order, other, puts, server, setLatest, usePair } from '../support/pair.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const NOT_FOUND = 5;
/** Sets the clock of this machine; what is measured by `performance.now()` goes on. */
const setClock = (byMs: number) => vi.setSystemTime(Date.now() + byMs);

const service = proto.temporal.api.workflowservice.v1;
/** Times of the attempts as Temporal tells them; null: it tells nothing. */
let told: { lastHeartbeat: number; lastStarted: number; attempt?: number } | null = null;
let temporal: Awaited<ReturnType<typeof startFixedTemporal>>;
let client: Client;
beforeAll(async () => {
  temporal = await startFixedTemporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    DescribeWorkflowExecution: () => {
      if (told === null) return NOT_FOUND;
      const [lastHeartbeatTime, lastStartedTime] = [msToTs(told.lastHeartbeat), msToTs(told.lastStarted)];
      const pendingActivities = [
        { activityId: 'test', attempt: told.attempt ?? 2, lastHeartbeatTime, lastStartedTime },
      ];
      const execution = { workflowId: 'move-latest', runId: 'm' };
      const run = { execution, type: { name: 'MoveLatest' }, status: 1, startTime: lastStartedTime, taskQueue: 'q' };
      return service.DescribeWorkflowExecutionResponse.encode({
        pendingActivities,
        workflowExecutionInfo: run,
      }).finish();
    },
  });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
});
afterAll(async () => {
  await client.connection.close();
  await temporal.stop();
});

beforeEach(() => {
  told = null;
});
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

describe('a mover whose first attempt died', () => {
  usePair();

  /** Its second attempt, whose earlier one had that time at its last heartbeat. */
  async function again(
    kind: MoveInput['kind'],
    at: number,
    during: () => void = () => undefined,
    { attempt = 2, lost, heard }: { attempt?: number; lost?: unknown; heard?: (details: unknown) => void } = {},
  ) {
    const move = order({}, kind === 'rollback' ? old : next, kind === 'rollback' ? next : old);
    const authorizer: MoveAuthorizer = {
      async authorize() {
        during();
        return 'granted';
      },
      movedWithin: async () => false,
    };
    const waits = { ...move.waits, putTimeoutMs: 3_000 + 700 - move.waits.windowMs };
    const activities = createMoveActivities({
      config: { lane: '' },
      client,
      registry: move.registry,
      lane: {},
      authorizerFor: () => authorizer,
      waits,
    } as never);
    const environment = new MockActivityEnvironment({
      attempt,
      heartbeatDetails: { begun: true, at, images: [], lost },
      currentAttemptScheduledTimestampMs: Date.now(),
      workflowExecution: { workflowId: 'move-latest', runId: 'm' },
    });
    if (heard) environment.on('heartbeat', heard);
    const input = { ...move.input, kind } as MoveInput;
    return environment.run(activities.moveTags as never, input as never, move.observed as never, null as never);
  }

  test.each([
    ['an hour ahead of this one', HOUR_MS, false],
    ['an hour behind this one', -HOUR_MS, true],
  ])('on a machine with a clock %s writes nothing over what a person may have moved', async (_, byMs, isProven) => {
    await setLatest('other');
    const before = puts();
    const moved = again('rollback', Date.now() + byMs);
    const refused = await moved.then(
      () => null,
      (error) => error as ApplicationFailure,
    );
    expect(refused?.message).toContain('lost contact');
    // What the earlier attempt sent may arrive still, unless it was silent for over a minute: then the images are read again.
    const isMarked = (refused?.details ?? []).some((detail) => Object(detail).nothingWritten === true);
    expect(isMarked).toBe(isProven);
    expect([await latest(), puts()]).toEqual([other, before]);
  });

  test.each([
    ['was paused whole, and its clocks with it', { lastHeartbeat: -HOUR_MS, lastStarted: 0 }, 0, true],
    ['was restarted at once', { lastHeartbeat: -6_000, lastStarted: 0 }, -6_000, false],
    [
      'was away, though an attempt that never looked sent a heartbeat',
      { lastHeartbeat: -6_000, lastStarted: 0 },
      -HOUR_MS,
      true,
    ],
    ['has sent a heartbeat since', { lastHeartbeat: 500, lastStarted: 0 }, 0, false],
    ['has sent a heartbeat since, and has another clock', { lastHeartbeat: 500, lastStarted: 0 }, -HOUR_MS, true],
  ])('on a machine that %s, goes by what Temporal tells of it', async (_, times, clockMs, isLost) => {
    const began = Date.now();
    told = { lastHeartbeat: began + times.lastHeartbeat, lastStarted: began + times.lastStarted };
    await setLatest('other');
    const refused = await again('rollback', began + clockMs).then(
      () => null,
      (error) => error as ApplicationFailure,
    );
    expect(refused?.message.includes('lost contact') ?? false).toBe(isLost);
    expect(await latest()).toEqual(isLost ? other : old);
  });

  test('that knows of lost contact tells the next one, which goes no further forward', async () => {
    const began = Date.now();
    told = { lastHeartbeat: began - HOUR_MS, lastStarted: began };
    const down = server.faults.add({ match: isRead, respond: () => ociError(503, 'UNAVAILABLE', 'down') });
    const heard: unknown[] = [];
    const failed = again('promotion', began, undefined, {
      heard: (details) => void heard.push(structuredClone(details)),
    });
    await expect(failed).rejects.toThrow(/status 503/);
    down();
    expect(heard[0]).toMatchObject({ begun: true, lost: true });
    // A person went back by hand meanwhile, to where the move began.
    const before = puts();
    told = { lastHeartbeat: began, lastStarted: began, attempt: 3 };
    const third = again('promotion', began, undefined, { attempt: 3, lost: true });
    await expect(third).rejects.toThrow(/lost contact/);
    expect([await latest(), puts()]).toEqual([old, before]);
  });

  test('and that restores ends with where the images are once no write of that one can arrive', async () => {
    const denied = server.faults.add({ match: isPut(NAMES[1]), respond: () => ociError(403, 'DENIED', 'no') });
    // What that one sent last arrives meanwhile.
    const arrived = delay(450).then(() => setLatest('next', [NAMES[0]]));
    const images = (await again('promotion', Date.now())) as MovedImage[];
    denied();
    await arrived;
    expect(images.map(({ result }) => result)).toEqual(['restored', 'restored']);
    expect(await latest()).toEqual(old);
  });

  test.each([
    ['back', -HOUR_MS],
    ['forth', HOUR_MS],
  ])('ends when no write of that one can arrive any more, though the clock is set %s', async (_, byMs) => {
    let isSet = false;
    const began = performance.now();
    await again('promotion', Date.now(), () => {
      if (!isSet) setClock(byMs);
      isSet = true;
    });
    expect(isSet).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(690);
    expect(await latest()).toEqual(next);
  });
});

test('the time of an attempt goes on from when Temporal scheduled it, on a machine whose clock is behind', async () => {
  const scheduled = Date.now() + HOUR_MS;
  const environment = new MockActivityEnvironment({ currentAttemptScheduledTimestampMs: scheduled });
  const [first, passed] = await environment.run(async (): Promise<[number, number]> => {
    const first = temporalNow(client);
    const from = performance.now();
    await until('a while has passed', () => performance.now() - from > 20);
    return [first - scheduled, temporalNow(client) - first];
  });
  expect(first).toBeLessThan(HOUR_MS / 2);
  expect(passed).toBeGreaterThan(15);
});

test('a mover on a machine with a clock ahead knows of a move of a moment ago', async () => {
  const movedAt = Date.now();
  const lane = { position: async () => ({ expectedAt: movedAt }) };
  const mover: Mover = { workflowId: 'm', runId: 'm', activityId: '1', attempt: 1, clock: () => movedAt + 10 };
  const parent = { workflowId: 'canary-release-1', runId: 'r' };
  const authorizer = laneAuthorizer({} as never, lane as never, 0)(mover, parent, { kind: 'promotion' } as MoveInput);
  setClock(HOUR_MS);
  expect(await authorizer.movedWithin(1_000)).toBe(true);
  expect(await authorizer.movedWithin(5)).toBe(false);
});
