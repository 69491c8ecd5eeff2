import type { ActivityOptions, ChildWorkflowOptions } from '@temporalio/workflow';
import type { MoveInput } from '../../src/contract/move.js';

// The SDK's default, TRY_CANCEL, would go on while the activity still runs.
export const cancellationType = 'WAIT_CANCELLATION_COMPLETED';

const MOVE_RETRY = { initialInterval: '1s', maximumInterval: '10s' } as const;

/** The look before the first write: nothing is at stake yet, so it does not hold the mover's id for long. */
export const PREFLIGHTS = {
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '90s',
  heartbeatTimeout: '5s',
  retry: MOVE_RETRY,
  cancellationType,
} satisfies ActivityOptions;

/**
 * A pair tries forward for 5 minutes (a rollback 15), then puts back for 3, and each may overshoot by one slow round. Seen dead after
 * 5 s without a heartbeat, so that a rollback waits for no longer (docs/protocol.md, A rollback).
 */
export const moveOptions = ({ kind }: Pick<MoveInput, 'kind'>) =>
  ({
    startToCloseTimeout: kind === 'rollback' ? '22m' : '14m',
    scheduleToCloseTimeout: '22m',
    heartbeatTimeout: '5s',
    retry: MOVE_RETRY,
    cancellationType,
  }) satisfies ActivityOptions;

/** The read of `:latest` when no mover can report what it did. */
export const LATEST_READS = {
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '60s',
  retry: MOVE_RETRY,
  cancellationType,
} satisfies ActivityOptions;

/** How long a run waits for the mover of another run, in milliseconds: about as long as all of the above together. */
export const BUSY_MOVER_MS = 25 * 60_000;

/** The mover outlives its parent, whatever happens to that; short workflow tasks, for a frozen worker holds one till its end (docs/protocol.md, A rollback). */
export const MOVER = {
  parentClosePolicy: 'ABANDON',
  workflowTaskTimeout: '2s',
} satisfies ChildWorkflowOptions;
