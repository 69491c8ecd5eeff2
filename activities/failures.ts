import { ApplicationFailure, activityInfo, heartbeat } from '@temporalio/activity';
import { InvalidInput } from '../src/contract/brand.js';
import { type FailureType, SINK_FAILED } from '../src/contract/failures.js';
import type { RefusedMove } from '../src/contract/move.js';
import { MoveRefusal } from '../src/move/write-lease.js';
import { SinkError } from '../src/notify/sink.js';
import { RegistryError, type RegistryErrorKind } from '../src/registry/transport/errors.js';
import { LaneRefused } from '../src/temporal/lane-client.js';
import { ControlPlaneError } from '../src/tenants/control-plane/client.js';
import { SecretNotStored } from '../src/tenants/control-plane/secret-command.js';
import { FleetUnreadable } from '../src/tenants/fleet.js';
import { attemptClock, scheduledAt } from './clock.js';
import type { Wait } from './heartbeat.js';

/** Error of a worker that lacks a tenant's secret, or the tenant itself; another worker may have it. */
export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** Part of the heartbeat details of an attempt that lacked a secret; the rest is what it knew until then. */
interface Lacking {
  /** Start of the attempt after the first that lacked it, epoch in ms; null in that first one: when it was scheduled may be hours ago. */
  lackingSince: number | null;
}

/**
 * Retries a step that lacks a secret, on any worker, for `retryBudgetMs` milliseconds; then the release is held.
 * @param wait of a step that notes what it knows: the next attempt begins with that.
 */
export const retryMissingSecret = <T>(retryBudgetMs: number, run: () => Promise<T>, wait?: Wait): Promise<T> =>
  retryLacking(retryBudgetMs, 'SecretMissing', (error) => error instanceof SecretMissing, run, wait);

/** Retries the read of a fleet that its source does not give, on any worker, for `retryBudgetMs` milliseconds. */
export const retryUnreadableFleet = <T>(retryBudgetMs: number, run: () => Promise<T>): Promise<T> =>
  retryLacking(retryBudgetMs, 'ConfigInvalid', (error) => error instanceof FleetUnreadable, run);

async function retryLacking<T>(
  retryBudgetMs: number,
  type: FailureType,
  isRetried: (error: unknown) => boolean,
  run: () => Promise<T>,
  wait?: Wait,
): Promise<T> {
  const clock = attemptClock();
  try {
    return await run();
  } catch (error) {
    if (!isRetried(error)) throw error;
    const known = (wait ? wait.noted() : activityInfo().heartbeatDetails) as Partial<Lacking> | undefined;
    const isFirst = known?.lackingSince === undefined;
    const lackingSince = isFirst ? null : (known.lackingSince ?? scheduledAt());
    heartbeat({ ...known, lackingSince } satisfies Lacking);
    const lackedMs = lackingSince === null ? 0 : clock() - lackingSince;
    throw ApplicationFailure.create({
      message: (error as Error).message,
      type,
      nonRetryable: lackedMs >= retryBudgetMs,
    });
  }
}

/** Failure type of each registry fault, and whether a retry can help. */
const REGISTRY: Record<RegistryErrorKind, { type: FailureType; retry: boolean }> = {
  'not-found': { type: 'BuildNotFound', retry: false },
  unauthorized: { type: 'RegistryDenied', retry: false },
  denied: { type: 'RegistryDenied', retry: false },
  rejected: { type: 'MoveFailed', retry: false },
  'tag-immutable': { type: 'MoveFailed', retry: false },
  integrity: { type: 'RegistryUnavailable', retry: true },
  transient: { type: 'RegistryUnavailable', retry: true },
};

/** Turns domain errors into Temporal failures; no other code does. Unknown errors, and cancellation, pass unchanged. */
export function toFailure(error: unknown): unknown {
  if (error instanceof RegistryError) {
    const { type, retry } = REGISTRY[error.kind];
    const { message, retryAfterMs: nextRetryDelay } = error;
    return ApplicationFailure.create({
      type,
      nonRetryable: !retry,
      message,
      ...(nextRetryDelay && { nextRetryDelay }),
    });
  }
  if (error instanceof MoveRefusal) {
    const { refusal, latest } = error;
    const details: RefusedMove = { refusal, ...(latest && { latest }) };
    return ApplicationFailure.nonRetryable(error.message, 'MoveRefused' satisfies FailureType, details);
  }
  if (error instanceof LaneRefused)
    return ApplicationFailure.nonRetryable(
      error.message,
      'MoveRefused' satisfies FailureType,
      {
        refusal: error.refusal ?? 'not-announced',
      } satisfies RefusedMove,
    );
  if (error instanceof SinkError) {
    const { message, isFinal: nonRetryable, retryAfterMs: nextRetryDelay } = error;
    return ApplicationFailure.create({
      type: SINK_FAILED,
      nonRetryable,
      message,
      ...(nextRetryDelay && { nextRetryDelay }),
    });
  }
  if (error instanceof ControlPlaneError) {
    const { message, kind, retryAfterMs: nextRetryDelay } = error;
    return ApplicationFailure.create({
      type: 'ControlPlaneFailed' satisfies FailureType,
      nonRetryable: kind !== 'silent',
      message,
      ...(nextRetryDelay && { nextRetryDelay }),
    });
  }
  if (error instanceof SecretNotStored || error instanceof InvalidInput)
    return ApplicationFailure.nonRetryable(error.message, 'ConfigInvalid' satisfies FailureType);
  return error;
}

/** Failure of a mover that has not begun to write, marked so that the images need not be read again. */
export function nothingWritten(error: unknown): unknown {
  const failure = toFailure(error);
  if (!(failure instanceof ApplicationFailure)) return failure;
  const { message, type, nonRetryable, details, nextRetryDelay } = failure;
  const all = [...(details ?? []), { nothingWritten: true }];
  return ApplicationFailure.create({
    message,
    nonRetryable,
    details: all,
    ...(type && { type }),
    ...(nextRetryDelay && { nextRetryDelay }),
  });
}
