import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMoveActivities } from '../../activities/move.js';
import { laneAuthorizer, type Mover } from '../../activities/move-authorizer.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { MoveAuthorizer } from '../../src/move/write-lease.js';
import { latest, next, old, order, other, puts, setLatest, usePair } from '../support/pair.js';

const HOUR_MS = 3_600_000;
/** Sets the clock of this machine; what is measured by `performance.now()` goes on. */
const setClock = (byMs: number) => vi.setSystemTime(Date.now() + byMs);

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

describe('a mover whose first attempt died', () => {
  usePair();

  /** Its second attempt, whose earlier one had that time at its last heartbeat. */
  async function again(kind: MoveInput['kind'], at: number, during: () => void = () => undefined) {
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
      registry: move.registry,
      lane: {},
      authorizerFor: () => authorizer,
      waits,
    } as never);
    const environment = new MockActivityEnvironment({
      attempt: 2,
      heartbeatDetails: { begun: true, at, images: [] },
      currentAttemptScheduledTimestampMs: Date.now(),
      workflowExecution: { workflowId: 'move-latest', runId: 'm' },
    });
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
