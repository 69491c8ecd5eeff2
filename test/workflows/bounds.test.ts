import { msToNumber } from '@temporalio/common/lib/time.js';
import { describe, expect, test } from 'vitest';
import { MOVE_WAITS } from '../../src/move/waits.js';
import {
  LANE_CALLS,
  LANE_WAITS,
  PUBLISHES,
  pollOptions,
  productionWatchOptions,
  READS,
  smokeOptions,
  watchOptions,
} from '../../workflows/shared/activity-options.js';
import { BUSY_MOVER_MS, LATEST_READS, moveOptions, PREFLIGHTS } from '../../workflows/shared/mover-options.js';

const ms = (duration: string | number | undefined) => msToNumber(duration ?? Number.NaN);
const KINDS = ['promotion', 'rollback'] as const;

describe('every activity is bounded', () => {
  const options = {
    READS,
    PREFLIGHTS,
    smoke: smokeOptions({ retryBudgetMs: { registry: 1, secret: 1, smoke: 1 } }),
    watch: watchOptions(1),
    productionWatch: productionWatchOptions({ shiftMs: 1, awayMs: 1 }),
    LATEST_READS,
    LANE_WAITS,
    LANE_CALLS,
    PUBLISHES,
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
