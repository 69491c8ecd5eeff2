import type { ActivityOptions, ChildWorkflowOptions } from '@temporalio/workflow';
import type { MoveInput } from '../../src/contract/move.js';

/** Waits until a cancelled activity has ended; the SDK's default, TRY_CANCEL, would continue while it still runs. */
export const cancellationType = 'WAIT_CANCELLATION_COMPLETED';

const MOVE_RETRY = { initialInterval: '1s', maximumInterval: '10s' } as const;

/** Options of the checks before the first write: short, so that they do not block the mover's id for long. */
export const PREFLIGHTS = {
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '90s',
  heartbeatTimeout: '5s',
  retry: MOVE_RETRY,
  cancellationType,
} satisfies ActivityOptions;

/**
 * Options of a move: it tries forward for 5 minutes (a rollback 15), then restores for 3, and each may overshoot by one slow round. It counts
 * as dead after 5 s without a heartbeat, so that a rollback waits no longer (docs/protocol.md, A rollback).
 */
export const moveOptions = ({ kind }: Pick<MoveInput, 'kind'>) =>
  ({
    startToCloseTimeout: kind === 'rollback' ? '22m' : '14m',
    scheduleToCloseTimeout: '22m',
    heartbeatTimeout: '5s',
    retry: MOVE_RETRY,
    cancellationType,
  }) satisfies ActivityOptions;

/** Options of a read of `:latest` if the mover cannot report what it did. */
export const LATEST_READS = {
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '60s',
  retry: MOVE_RETRY,
  cancellationType,
} satisfies ActivityOptions;

/** Longest wait for the mover of another run, in milliseconds: about the sum of the time-outs above. */
export const BUSY_MOVER_MS = 25 * 60_000;

/** Options of the mover: it outlives its parent. Workflow tasks are short, because a frozen worker blocks one until its time-out (docs/protocol.md, A rollback). */
export const MOVER = {
  parentClosePolicy: 'ABANDON',
  workflowTaskTimeout: '2s',
} satisfies ChildWorkflowOptions;
