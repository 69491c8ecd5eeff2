import { msToNumber } from '@temporalio/common/lib/time.js';
import { describe, expect, test } from 'vitest';
import { maxGapMs } from '../../src/domain/fleet-watch.js';
import { MOVE_WAITS } from '../../src/move/waits.js';
import { DELIVERIES, LANE_CALLS, PUBLISHES, READS, smokeOptions } from '../../workflows/shared/activity-options.js';
import { BUSY_MOVER_MS, LATEST_READS, moveOptions, PREFLIGHTS } from '../../workflows/shared/mover-options.js';
import {
  DELIVERY,
  LANE_WAITS,
  MAX_WAIT_MS,
  newTenantOptions,
  pollOptions,
  productionWatchOptions,
  watchOptions,
} from '../../workflows/shared/wait-options.js';

const ms = (duration: string | number | undefined) => msToNumber(duration ?? Number.NaN);
const KINDS = ['promotion', 'rollback'] as const;

describe('every activity is bounded', () => {
  const options = {
    READS,
    PREFLIGHTS,
    smoke: smokeOptions({ retryBudgetMs: { registry: 1, secret: 1, smoke: 1 } }),
    watch: watchOptions({ soakProbeMs: 1 }, 1),
    productionWatch: productionWatchOptions({ pollMs: 1, shiftMs: 1, awayMs: 1 }),
    newTenant: newTenantOptions(1),
    LATEST_READS,
    DELIVERY,
    LANE_WAITS,
    LANE_CALLS,
    PUBLISHES,
    DELIVERIES,
    waits: pollOptions({ updateTimeoutMs: 1, pollMs: 1 }),
    promotion: moveOptions({ kind: 'promotion' }),
    rollback: moveOptions({ kind: 'rollback' }),
  };
  test.each(Object.entries(options))(
    '%s: each try, and all of them together',
    (_name, { startToCloseTimeout, scheduleToCloseTimeout }) => {
      expect(ms(startToCloseTimeout)).toBeGreaterThan(0);
      expect(ms(scheduleToCloseTimeout)).toBeGreaterThanOrEqual(ms(startToCloseTimeout));
    },
  );
});

describe('an event waits for a worker as long as a run does, and the pauses between its attempts take', () => {
  test.each([
    ['about a minute until a sink has its order', PUBLISHES, 65_000],
    ['about an hour until that sink is told', DELIVERIES, 63_000 + 63 * 60_000],
  ])('%s', (_what, { scheduleToCloseTimeout, retry }, expected) => {
    const { initialInterval, backoffCoefficient, maximumInterval, maximumAttempts } = retry;
    const pauses = Array.from({ length: maximumAttempts - 1 }, (_, nth) =>
      Math.min(ms(initialInterval) * backoffCoefficient ** nth, ms(maximumInterval)),
    );
    expect(ms(scheduleToCloseTimeout)).toBe(MAX_WAIT_MS);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(expected);
  });
});

describe('the time-outs of a move', () => {
  /** One slow round past a deadline: a look, a PUT, and a read whose in-client tries take 20 s. */
  const overshootMs = MOVE_WAITS.putTimeoutMs + 2 * 20_000;

  test.each(KINDS)('an attempt of a %s has time to move forward and to restore', (kind) => {
    const forwardMs = kind === 'rollback' ? MOVE_WAITS.rollBackMs : MOVE_WAITS.promoteMs;
    const firstLookMs = kind === 'rollback' ? 20_000 : MOVE_WAITS.surpriseMs + 20_000;
    const worst = firstLookMs + forwardMs + overshootMs + MOVE_WAITS.restoreMs + overshootMs;
    expect(ms(moveOptions({ kind }).startToCloseTimeout)).toBeGreaterThan(worst);
  });

  test.each(KINDS)('a run that waits for a %s waits longer than it can take', (kind) => {
    const all =
      ms(PREFLIGHTS.scheduleToCloseTimeout) +
      ms(moveOptions({ kind }).scheduleToCloseTimeout) +
      ms(LATEST_READS.scheduleToCloseTimeout);
    expect(BUSY_MOVER_MS).toBeGreaterThan(all);
  });
});

describe('the heartbeats of waits', () => {
  const { heartbeatTimeout: lane } = LANE_WAITS;
  /** Heartbeats in a minute (activities/heartbeat.ts). */
  const perMinute = (timeoutMs: number) => 60_000 / Math.max(1_000, timeoutMs - 5_000);
  /** Settings as they are shipped. */
  const plan = { updateTimeoutMs: 600_000, pollMs: 5_000, soakProbeMs: 10_000 };
  const waiting = perMinute(lane) + perMinute(pollOptions(plan).heartbeatTimeout);
  const watched = perMinute(lane) + perMinute(watchOptions(plan, 1).heartbeatTimeout);

  test('a release of 9.5 minutes of wait and 6 of soak sends at most 75, one that is held at most 8 a minute', () => {
    expect(9.5 * waiting + 6 * watched).toBeLessThanOrEqual(75);
    expect(watched).toBeLessThanOrEqual(8);
  });

  test.each([1_000, 5_000, 10_000, 60_000])(
    'another worker continues a stretch of probes every %d ms before it has missed three, unless they are closer than 5 s',
    (soakProbeMs) => {
      // The last heartbeat may be a probe old, and the next attempt begins a second after the time-out.
      const gapMs = soakProbeMs + watchOptions({ soakProbeMs }, 1).heartbeatTimeout + 1_000;
      if (soakProbeMs >= 5_000) expect(gapMs).toBeLessThan(maxGapMs(soakProbeMs));
      else expect(watchOptions({ soakProbeMs }, 1).heartbeatTimeout).toBe(5_000);
    },
  );
});
